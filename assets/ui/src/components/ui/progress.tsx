// A progress bar; without a value it shows that something is going on.
import { cn } from "@/lib/cn";

export function Progress({ value, label }: { value: number | null; label: string }) {
  return (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={value === null ? undefined : Math.round(value)}
      className="h-1.5 overflow-hidden rounded-full bg-sunken"
    >
      <div
        className={cn(
          "h-full rounded-full bg-custard-strong transition-[width] duration-200",
          value === null && "w-full animate-pulse",
        )}
        style={value === null ? undefined : { width: `${value}%` }}
      />
    </div>
  );
}
