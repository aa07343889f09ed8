// An answer's chart with its kind switch; the drawing itself comes as a chunk of its own.
import { ChartColumn, ChartLine, ChartPie, ChartScatter } from "lucide-react";
import { lazy, Suspense, useMemo, useState, type ReactNode } from "react";
import type { Chart, Column, Row } from "@/api/types";
import { buildChart, chartKinds, type ChartColors, type ChartKind } from "@/lib/chart-option";
import { useDark } from "@/lib/theme";
import { useNarrow } from "@/lib/use-narrow";
import { Skeleton } from "./ui/skeleton";
import { Segmented } from "./ui/tabs";

const ChartCanvas = lazy(() => import("./chart-canvas"));

const kindLooks: Record<ChartKind, { label: string; icon: ReactNode }> = {
  bar: { label: "Bars", icon: <ChartColumn aria-hidden /> },
  line: { label: "Line", icon: <ChartLine aria-hidden /> },
  pie: { label: "Pie", icon: <ChartPie aria-hidden /> },
  scatter: { label: "Points", icon: <ChartScatter aria-hidden /> },
};

interface ChartViewProps {
  chart: Chart;
  columns: readonly Column[];
  rows: readonly Row[];
  rowCount: number;
  extra?: ReactNode;
}

export function ChartView({ chart, columns, rows, rowCount, extra }: ChartViewProps) {
  const [kind, setKind] = useState<ChartKind>(chart.kind);
  const dark = useDark();
  const narrow = useNarrow();
  // eslint-disable-next-line react-hooks/exhaustive-deps -- the colours are read from the document, which changes with the theme
  const colors = useMemo(() => readColors(), [dark]);
  const kinds = useMemo(() => chartKinds(chart, columns, rows), [chart, columns, rows]);
  const built = useMemo(
    () => buildChart(chart, kind, columns, rows, colors, narrow),
    [chart, kind, columns, rows, colors, narrow],
  );
  if (!built) return <p className="py-8 text-center text-ink-soft">There is nothing to draw.</p>;
  const note =
    rowCount > rows.length
      ? `The chart shows the first ${rows.length} of ${rowCount} rows.`
      : built.note;

  return (
    <figure>
      <div className="mb-2 flex flex-wrap items-center justify-between gap-2">
        {kinds.length > 1 ? (
          <Segmented
            label="Kind of chart"
            iconsOnly
            value={kind}
            onChange={setKind}
            options={kinds.map((value) => ({ value, ...kindLooks[value] }))}
          />
        ) : (
          <span />
        )}
        {extra}
      </div>
      <div role="img" aria-label={built.description} style={{ height: built.height }}>
        <Suspense fallback={<Skeleton className="h-full" />}>
          <ChartCanvas built={built} />
        </Suspense>
      </div>
      {note && <figcaption className="mt-1 text-sm text-ink-soft">{note}</figcaption>}
    </figure>
  );
}

/** The canvas cannot use CSS variables, so their values are read for each theme. */
function readColors(): ChartColors {
  const style = getComputedStyle(document.documentElement);
  const read = (name: string) => style.getPropertyValue(name).trim();
  return {
    series: Array.from({ length: 8 }, (_, index) => read(`--chart-${index + 1}`)),
    ink: read("--ink"),
    soft: read("--ink-soft"),
    line: read("--line"),
    surface: read("--surface"),
  };
}
