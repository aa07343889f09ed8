// Buttons and links that look like buttons; a busy button keeps its width.
import { cva, type VariantProps } from "class-variance-authority";
import { LoaderCircle } from "lucide-react";
import type { ComponentProps } from "react";
import { Link } from "react-router";
import { cn } from "@/lib/cn";

const styles = cva(
  "relative inline-flex shrink-0 items-center justify-center gap-2 rounded-lg font-semibold whitespace-nowrap transition-colors select-none focus-visible:rounded-lg disabled:cursor-not-allowed disabled:opacity-55 aria-disabled:opacity-55 [&_svg]:size-4 [&_svg]:shrink-0",
  {
    variants: {
      variant: {
        primary: "bg-custard text-custard-ink shadow-card hover:bg-custard-strong",
        secondary: "border border-line-strong bg-surface text-ink hover:bg-sunken",
        ghost: "text-ink-soft hover:bg-sunken hover:text-ink aria-expanded:bg-sunken",
        danger: "border border-bad/40 bg-surface text-bad hover:bg-bad-soft",
      },
      size: {
        normal: "h-10 px-4 text-[0.9375rem]",
        small: "h-8 px-2.5 text-sm",
        icon: "size-9",
        "icon-small": "size-8",
      },
    },
    defaultVariants: { variant: "secondary", size: "normal" },
  },
);

type Look = VariantProps<typeof styles>;

interface ButtonProps extends ComponentProps<"button">, Look {
  busy?: boolean;
}

export function Button({
  variant,
  size,
  busy,
  className,
  children,
  disabled,
  ...rest
}: ButtonProps) {
  return (
    <button
      type="button"
      className={cn(styles({ variant, size }), className)}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      {...rest}
    >
      {busy && (
        <span className="absolute inset-0 grid place-items-center">
          <LoaderCircle className="animate-spin" aria-hidden />
        </span>
      )}
      {busy ? (
        <span className="invisible inline-flex items-center gap-2">{children}</span>
      ) : (
        children
      )}
    </button>
  );
}

export function ButtonLink({
  variant,
  size,
  className,
  ...rest
}: ComponentProps<typeof Link> & Look) {
  return <Link className={cn(styles({ variant, size }), className)} {...rest} />;
}
