// The rows that did not fit the rest of the file, with line and reason.
import type { ImportReport } from "@/api/types";
import { Notice } from "@/components/ui/notice";
import { groupDigits, plural } from "@/lib/format";

export function OddRows({ report }: { report: ImportReport }) {
  if (report.odd_row_count === 0) return null;
  return (
    <Notice kind="warning" title={`${plural(report.odd_row_count, "row")} did not fit the rest`}>
      <ul className="mt-1 max-h-48 space-y-1 overflow-y-auto">
        {report.odd_rows.map(({ line, problem, text }, index) => (
          <li key={index} className="min-w-0">
            <span className="font-semibold tabular-nums">Line {groupDigits(String(line))}: </span>
            {problem}
            <code className="block truncate font-mono text-xs text-ink-soft" title={text}>
              {text}
            </code>
          </li>
        ))}
        {report.odd_row_count > report.odd_rows.length && (
          <li>…and {groupDigits(String(report.odd_row_count - report.odd_rows.length))} more</li>
        )}
      </ul>
    </Notice>
  );
}
