// A closer look at a result: which analyses its rows allow, and what the chosen one finds.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { analysesQuery, analysisQuery } from "@/api/queries";
import type { Analysis, AnalysisMethod, Answer } from "@/api/types";
import { ChartView } from "@/components/chart-view";
import { DataTable } from "@/components/data-table";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { Skeleton } from "@/components/ui/skeleton";
import { cn } from "@/lib/cn";
import { plural } from "@/lib/format";

const labels: Record<AnalysisMethod, string> = {
  trend: "Trend",
  forecast: "Forecast",
  change: "What changed",
  outliers: "Unusual values",
  distribution: "Distribution",
  correlation: "Correlation",
  describe: "Description",
};

/** A newer server may know methods that this page does not. */
function methodOf(asked: Answer["analysis"] | null): AnalysisMethod | null {
  return asked && asked.method in labels ? (asked.method as AnalysisMethod) : null;
}

interface CloserLookProps {
  resultId: string;
  /** What the question asked for; shown first. */
  asked: Answer["analysis"] | null;
  /** What stands above already, and need not be said twice. */
  said: string;
}

export function CloserLook({ resultId, asked, said }: CloserLookProps) {
  const offers = useQuery(analysesQuery(resultId));
  const [method, setMethod] = useState<AnalysisMethod | null>(methodOf(asked));
  const [column, setColumn] = useState<string | null>(asked?.column ?? null);
  if (offers.isPending) return <Skeleton className="h-40" />;
  if (offers.isError)
    return <Failed message={offers.error.message} retry={() => void offers.refetch()} />;
  const items = offers.data.items;
  const offer = items.find((item) => item.method === method) ?? items[0];
  if (!offer)
    return (
      <p className="py-6 text-center text-sm text-ink-soft">
        These rows are too few, or were cut, so no analysis of them would be right. Ask for more
        rows of one kind, for example “by month”.
      </p>
    );
  const chosen = column !== null && offer.columns.includes(column) ? column : offer.columns[0];
  const byColumn = offer.method !== "describe" && offer.columns.length > 1;

  return (
    <div>
      <div className="flex flex-wrap items-center gap-2">
        <ul className="flex flex-wrap gap-1.5" aria-label="Kinds of analysis">
          {items.map((item) => (
            <li key={item.method}>
              <button
                type="button"
                aria-pressed={item === offer}
                onClick={() => setMethod(item.method)}
                className={cn(
                  "rounded-full border px-3 py-1 text-sm transition-colors",
                  item === offer
                    ? "border-custard-strong bg-custard-soft font-semibold"
                    : "border-line-strong bg-surface hover:border-custard-strong",
                )}
              >
                {labels[item.method]}
              </button>
            </li>
          ))}
        </ul>
        {byColumn && (
          <label className="flex items-center gap-2 text-sm text-ink-soft">
            of
            <select
              className="max-w-48 rounded-md border border-line-strong bg-surface px-2 py-1 text-ink"
              value={chosen}
              onChange={(event) => setColumn(event.target.value)}
            >
              {offer.columns.map((name) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      <Found
        resultId={resultId}
        method={offer.method}
        column={offer.method === "describe" ? null : (chosen ?? null)}
        said={said}
      />
    </div>
  );
}

interface FoundProps {
  resultId: string;
  method: AnalysisMethod;
  column: string | null;
  said: string;
}

function Found({ resultId, method, column, said }: FoundProps) {
  const found = useQuery(analysisQuery(resultId, method, column));
  if (found.isPending) return <Skeleton className="mt-3 h-64" />;
  if (found.isError)
    return <Failed message={found.error.message} retry={() => void found.refetch()} />;
  const analysis: Analysis = found.data;
  return (
    <div className="mt-3" aria-live="polite">
      {analysis.sentence !== said && (
        <p className="font-semibold break-words">{analysis.sentence}</p>
      )}
      {analysis.notes.map((note) => (
        <p key={note} className="mt-1 text-sm text-ink-soft">
          {note}
        </p>
      ))}
      {analysis.chart && (
        <div className="mt-3">
          <ChartView
            // Another analysis starts with its own kind of chart.
            key={method + (column ?? "")}
            chart={analysis.chart}
            columns={analysis.columns}
            rows={analysis.rows}
            rowCount={analysis.rows.length}
          />
        </div>
      )}
      {analysis.rows.length > 0 && (
        <div className="mt-3">
          <DataTable
            label={`Rows of the analysis: ${labels[method]}`}
            columns={analysis.columns}
            rows={analysis.rows}
            rowCount={analysis.rows.length}
            maxHeight={280}
          />
          <p className="mt-1.5 text-xs text-ink-faint">{plural(analysis.rows.length, "row")}</p>
        </div>
      )}
    </div>
  );
}

function Failed({ message, retry }: { message: string; retry: () => void }) {
  return (
    <Notice
      kind="error"
      className="mt-3"
      action={
        <Button size="small" onClick={retry}>
          Try again
        </Button>
      }
    >
      {message}
    </Notice>
  );
}
