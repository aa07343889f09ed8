// The profile of each column: how full, how many different values, the range, the most frequent, a small histogram.
import { useQuery } from "@tanstack/react-query";
import { profileQuery } from "@/api/queries";
import type { ColumnProfile } from "@/api/types";
import { Badge } from "@/components/ui/badge";
import { LoadError } from "@/components/ui/notice";
import { SkeletonRows } from "@/components/ui/skeleton";
import { cellFormatter, groupDigits } from "@/lib/format";
import { Histogram } from "./histogram";

export function ColumnProfiles({ id, table }: { id: string; table: string }) {
  const profile = useQuery(profileQuery(id, table));
  if (profile.isPending)
    return (
      <div className="mt-4">
        <SkeletonRows count={4} className="h-32" />
      </div>
    );
  if (profile.isError)
    return (
      <div className="mt-4">
        <LoadError error={profile.error} retry={() => void profile.refetch()} />
      </div>
    );
  if (profile.data.columns.length === 0)
    return <p className="mt-4 text-ink-soft">This table has no columns to look into.</p>;
  return (
    <ul className="mt-4 grid gap-3 lg:grid-cols-2">
      {profile.data.columns.map((column) => (
        <li key={column.name} className="rounded-xl border border-line p-4">
          <Profile column={column} rows={profile.data.row_count} />
        </li>
      ))}
    </ul>
  );
}

function Profile({ column, rows }: { column: ColumnProfile; rows: number }) {
  const format = cellFormatter(column, [[column.min], [column.max]], 0);
  const ends = column.type === "text" ? [] : [fact("from", column.min), fact("to", column.max)];
  const facts = [...ends, fact("mean", column.mean), fact("median", column.quantiles?.p50)].filter(
    (entry) => entry !== null,
  );

  function fact(label: string, value: unknown) {
    return value === null || value === undefined ? null : { label, text: format(value) };
  }

  return (
    <>
      <div className="flex items-center gap-2">
        <h3
          className="min-w-0 flex-1 truncate font-sans text-[0.9375rem] tracking-normal"
          title={column.name}
        >
          {column.name}
        </h3>
        <Badge>{column.type}</Badge>
      </div>
      <p className="mt-1 text-sm text-ink-soft">
        {column.distinct_approximate && "about "}
        {groupDigits(String(column.distinct))} different
        {column.nulls > 0
          ? ` · ${groupDigits(String(column.nulls))} empty (${share(column.nulls, rows)})`
          : " · none empty"}
      </p>
      {facts.length > 0 && (
        <dl className="mt-2 flex flex-wrap gap-x-4 gap-y-1 text-sm tabular-nums">
          {facts.map(({ label, text }) => (
            <div key={label} className="flex max-w-full gap-1.5">
              <dt className="text-ink-faint">{label}</dt>
              <dd className="truncate font-medium" title={text}>
                {text}
              </dd>
            </div>
          ))}
        </dl>
      )}
      {column.histogram.length > 1 ? (
        <Histogram buckets={column.histogram} format={format} />
      ) : (
        <TopValues column={column} rows={rows} format={format} />
      )}
    </>
  );
}

interface TopValuesProps {
  column: ColumnProfile;
  rows: number;
  format: (value: unknown) => string;
}

function TopValues({ column, rows, format }: TopValuesProps) {
  if (column.top.length === 0) return null;
  if (column.top.every(({ count }) => count <= 1))
    return <p className="mt-3 text-sm text-ink-faint">Every value appears once.</p>;
  const most = Math.max(...column.top.map(({ count }) => count));
  return (
    <ul className="mt-3 space-y-1" aria-label="Most frequent values">
      {column.top.slice(0, 5).map(({ value, count }, index) => (
        <li key={index} className="relative flex justify-between gap-3 px-2 py-0.5 text-sm">
          <span
            aria-hidden
            className="absolute inset-y-0 left-0 rounded bg-custard-soft"
            style={{ width: `${(count / most) * 100}%` }}
          />
          <span className="relative truncate" title={format(value)}>
            {format(value) || "(empty text)"}
          </span>
          <span className="relative shrink-0 text-ink-soft tabular-nums">
            {groupDigits(String(count))} ({share(count, rows)})
          </span>
        </li>
      ))}
    </ul>
  );
}

function share(part: number, whole: number): string {
  if (!whole) return "0 %";
  const percent = (part / whole) * 100;
  return percent > 0 && percent < 0.1
    ? "under 0.1 %"
    : `${percent.toFixed(percent < 10 ? 1 : 0)} %`;
}
