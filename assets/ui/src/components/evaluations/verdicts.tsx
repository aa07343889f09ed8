// Verdicts as a badge, and the counts of a run as one bar with its legend.
import type { Counts, Verdict } from "@/api/evaluations";
import { Badge } from "@/components/ui/badge";
import { cn } from "@/lib/cn";
import { rightWords, sumOf, verdicts, verdictWords } from "@/lib/evaluations";

export function VerdictBadge({ verdict }: { verdict: Verdict | null }) {
  if (!verdict) return <Badge>Not asked yet</Badge>;
  const { label, tone, about } = verdictWords[verdict];
  return (
    <Badge tone={tone} title={about}>
      {label}
    </Badge>
  );
}

interface VerdictBarProps {
  counts: Counts;
  /** Questions in all; those that were not asked yet leave the bar empty. */
  total: number;
  legend?: boolean;
}

export function VerdictBar({ counts, total, legend }: VerdictBarProps) {
  const shown = verdicts.filter((verdict) => counts[verdict] > 0);
  const words = shown.map(
    (verdict) => `${counts[verdict]} ${verdictWords[verdict].label.toLowerCase()}`,
  );
  return (
    <div>
      <div
        role="img"
        aria-label={words.join(", ") || rightWords(counts)}
        className="flex h-2 gap-px overflow-hidden rounded-full bg-sunken"
      >
        {shown.map((verdict) => (
          <div
            key={verdict}
            className={verdictWords[verdict].fill}
            style={{ width: `${(100 * counts[verdict]) / Math.max(total, sumOf(counts))}%` }}
          />
        ))}
      </div>
      {legend && (
        <ul className="mt-2.5 flex flex-wrap gap-x-4 gap-y-1 text-sm">
          {shown.map((verdict) => (
            <li
              key={verdict}
              title={verdictWords[verdict].about}
              className="flex items-center gap-1.5 text-ink-soft"
            >
              <span
                aria-hidden
                className={cn("size-2.5 rounded-full", verdictWords[verdict].fill)}
              />
              {verdictWords[verdict].label}
              <span className="font-semibold text-ink tabular-nums">{counts[verdict]}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
