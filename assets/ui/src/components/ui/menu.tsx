// A drop-down menu of actions, and a popover for small forms; keyboard and focus by Radix.
import { DropdownMenu, Popover as RadixPopover } from "radix-ui";
import type { ComponentProps, ReactNode } from "react";
import { cn } from "@/lib/cn";

const panel =
  "z-50 animate-fade rounded-xl border border-line bg-surface shadow-high outline-none max-w-[calc(100vw-1.5rem)]";

interface MenuProps {
  trigger: ReactNode;
  children: ReactNode;
  align?: "start" | "end";
}

export function Menu({ trigger, children, align = "end" }: MenuProps) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align={align}
          sideOffset={6}
          collisionPadding={12}
          className={cn(panel, "min-w-44 p-1.5")}
        >
          {children}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

interface MenuItemProps extends ComponentProps<typeof DropdownMenu.Item> {
  danger?: boolean;
}

export function MenuItem({ danger, className, ...rest }: MenuItemProps) {
  return (
    <DropdownMenu.Item
      className={cn(
        "flex cursor-pointer items-center gap-2.5 rounded-lg px-2.5 py-2 text-sm outline-none data-[disabled]:opacity-50 data-[highlighted]:bg-sunken [&_svg]:size-4 [&_svg]:text-ink-soft",
        danger && "text-bad [&_svg]:text-bad",
        className,
      )}
      {...rest}
    />
  );
}

interface PopoverProps {
  trigger: ReactNode;
  children: ReactNode;
  className?: string;
  label: string;
  side?: "top" | "bottom";
}

export function Popover({ trigger, children, className, label, side = "bottom" }: PopoverProps) {
  return (
    <RadixPopover.Root>
      <RadixPopover.Trigger asChild>{trigger}</RadixPopover.Trigger>
      <RadixPopover.Portal>
        <RadixPopover.Content
          align="start"
          side={side}
          sideOffset={8}
          collisionPadding={12}
          aria-label={label}
          className={cn(panel, "p-2", className)}
        >
          {children}
        </RadixPopover.Content>
      </RadixPopover.Portal>
    </RadixPopover.Root>
  );
}
