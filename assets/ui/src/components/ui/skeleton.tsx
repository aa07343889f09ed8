// Grey shapes of the coming content, so that nothing jumps when it arrives.
import { cn } from "@/lib/cn";

export function Skeleton({ className }: { className?: string }) {
  return <div aria-hidden className={cn("animate-pulse rounded-lg bg-sunken", className)} />;
}

export function SkeletonRows({ count, className }: { count: number; className?: string }) {
  return (
    <div role="status" aria-label="Loading" className="space-y-2.5">
      {Array.from({ length: count }, (_, index) => (
        <Skeleton key={index} className={cn("h-14", className)} />
      ))}
    </div>
  );
}
