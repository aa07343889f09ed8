// A labelled form field: label, control, hint and error tied together for screen readers.
import { useId, type ComponentProps, type ReactNode } from "react";
import { cn } from "@/lib/cn";

export const controlStyle =
  "w-full rounded-lg border border-line-strong bg-surface px-3 text-ink transition-colors hover:border-ink-faint focus-visible:rounded-lg disabled:opacity-60 aria-invalid:border-bad";

interface FieldProps extends ComponentProps<"input"> {
  label: string;
  hint?: ReactNode;
  error?: string | null;
}

export function Field({ label, hint, error, className, ...rest }: FieldProps) {
  const id = useId();
  return (
    <div className={className}>
      <label htmlFor={id} className="mb-1.5 block text-sm font-semibold">
        {label}
      </label>
      <input
        id={id}
        className={cn(controlStyle, "h-10.5 text-base sm:text-[0.9375rem]")}
        aria-invalid={error ? true : undefined}
        aria-describedby={hint || error ? `${id}-note` : undefined}
        {...rest}
      />
      {(hint || error) && (
        <p id={`${id}-note`} className={cn("mt-1.5 text-sm", error ? "text-bad" : "text-ink-soft")}>
          {error ?? hint}
        </p>
      )}
    </div>
  );
}

export function Input({ className, ...rest }: ComponentProps<"input">) {
  return <input className={cn(controlStyle, "h-9 text-base sm:text-sm", className)} {...rest} />;
}

export function Select({ className, ...rest }: ComponentProps<"select">) {
  return <select className={cn(controlStyle, "h-9 text-sm", className)} {...rest} />;
}
