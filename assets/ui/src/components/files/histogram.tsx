// A small histogram as plain bars, with its ends named.
import type { ColumnProfile } from "@/api/types";
import { groupDigits } from "@/lib/format";

interface HistogramProps {
  buckets: ColumnProfile["histogram"];
  format: (value: unknown) => string;
}

export function Histogram({ buckets, format }: HistogramProps) {
  const most = Math.max(1, ...buckets.map(({ count }) => count));
  const first = buckets[0];
  const last = buckets.at(-1);
  return (
    <div className="mt-3">
      <div
        role="img"
        aria-label={`Histogram from ${format(first?.from)} to ${format(last?.to)}`}
        className="flex h-14 items-end gap-px"
      >
        {buckets.map(({ from, to, count }, index) => (
          <span
            key={index}
            title={`${format(from)} – ${format(to)}: ${groupDigits(String(count))}`}
            className="flex h-full flex-1 items-end hover:bg-sunken"
          >
            <span
              className="w-full rounded-t-[2px] bg-chart-1"
              style={{ height: count === 0 ? 0 : `${Math.max(4, (count / most) * 100)}%` }}
            />
          </span>
        ))}
      </div>
      <div className="mt-1 flex justify-between gap-4 border-t border-line pt-1 text-xs text-ink-faint tabular-nums">
        <span className="truncate">{format(first?.from)}</span>
        <span className="truncate">{format(last?.to)}</span>
      </div>
    </div>
  );
}
