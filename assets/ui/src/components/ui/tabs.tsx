// Tabs, and a segmented switch for small choices; arrow keys by Radix.
import { Tabs as Radix, ToggleGroup } from "radix-ui";
import type { ReactNode } from "react";
import { cn } from "@/lib/cn";

export interface TabItem {
  value: string;
  label: ReactNode;
  content: ReactNode;
}

interface TabsProps {
  value: string;
  onValueChange: (value: string) => void;
  items: readonly TabItem[];
  label: string;
  extra?: ReactNode;
  className?: string;
}

export function Tabs({ value, onValueChange, items, label, extra, className }: TabsProps) {
  return (
    <Radix.Root value={value} onValueChange={onValueChange} className={className}>
      <div className="flex flex-wrap items-center justify-between gap-2 border-b border-line">
        <Radix.List aria-label={label} className="-mb-px flex gap-1 overflow-x-auto px-1">
          {items.map((item) => (
            <Radix.Trigger
              key={item.value}
              value={item.value}
              ref={item.value === value ? intoView : undefined}
              className="flex h-11 items-center gap-2 border-b-2 border-transparent px-3 text-[0.9375rem] max-sm:px-2.5 max-sm:[&>svg]:hidden font-semibold text-ink-soft transition-colors outline-offset-[-3px] hover:text-ink data-[state=active]:border-custard-strong data-[state=active]:text-ink [&_svg]:size-4"
            >
              {item.label}
            </Radix.Trigger>
          ))}
        </Radix.List>
        {extra}
      </div>
      {items.map((item) => (
        <Radix.Content key={item.value} value={item.value} className="outline-offset-4">
          {item.content}
        </Radix.Content>
      ))}
    </Radix.Root>
  );
}

/** On a narrow screen the open tab may lie beyond the edge of the row. */
function intoView(trigger: HTMLElement | null) {
  const row = trigger?.parentElement;
  if (!trigger || !row || row.scrollWidth <= row.clientWidth) return;
  row.scrollLeft =
    trigger.offsetLeft - row.offsetLeft - (row.clientWidth - trigger.offsetWidth) / 2;
}

interface SegmentedProps<T extends string> {
  value: T;
  onChange: (value: T) => void;
  options: readonly { value: T; label: string; icon?: ReactNode }[];
  label: string;
  iconsOnly?: boolean;
}

export function Segmented<T extends string>({
  value,
  onChange,
  options,
  label,
  iconsOnly,
}: SegmentedProps<T>) {
  return (
    <ToggleGroup.Root
      type="single"
      value={value}
      aria-label={label}
      onValueChange={(next) => {
        const option = options.find((candidate) => candidate.value === next);
        if (option) onChange(option.value);
      }}
      className="inline-flex rounded-lg bg-sunken p-0.5"
    >
      {options.map((option) => (
        <ToggleGroup.Item
          key={option.value}
          value={option.value}
          aria-label={iconsOnly ? option.label : undefined}
          title={iconsOnly ? option.label : undefined}
          className={cn(
            "flex h-8 items-center gap-1.5 rounded-md text-sm font-semibold text-ink-soft hover:text-ink data-[state=on]:bg-surface data-[state=on]:text-ink data-[state=on]:shadow-card [&_svg]:size-4",
            iconsOnly ? "w-9 justify-center" : "px-3",
          )}
        >
          {option.icon}
          {!iconsOnly && option.label}
        </ToggleGroup.Item>
      ))}
    </ToggleGroup.Root>
  );
}
