// Builds the ECharts option for an answer's chart: pure data in, option out; no drawing.
import type { EChartsCoreOption } from "echarts/core";
import type { Cell, Chart, Column, Row } from "@/api/types";
import { compactNumber, formatNumber, isNumericType, isTemporalType, plainText } from "./format";

export type ChartKind = Chart["kind"];

export interface ChartColors {
  series: string[];
  ink: string;
  soft: string;
  line: string;
  surface: string;
}

const MOST_CATEGORIES = 200;
const MOST_SLICES = 12;
const MOST_SERIES = 20;
const BAR_TURNS_AT = 9;
const LONG_LABEL = 14;

/** Drawn on the canvas: as HTML, ECharts would write inline styles, which the content policy forbids. */
const TOOLTIP = "richText";

interface Points {
  labels: string[];
  /** Milliseconds per label when the whole axis is dates, else null. */
  times: number[] | null;
  series: { name: string; values: (number | null)[] }[];
  left: number;
}

export function toNumber(value: Cell): number | null {
  if (value === null || value === undefined || value === "") return null;
  const number = typeof value === "number" ? value : Number(value);
  return Number.isFinite(number) ? number : null;
}

/** Milliseconds of an ISO date or timestamp; without a zone it counts as UTC, so that no reader's zone shifts a day. */
function utcTime(text: string): number {
  const zoned = /T.*(?:Z|[+-]\d{2}:?\d{2})$/.test(text);
  return Date.parse(zoned || !text.includes("T") ? text : `${text}Z`);
}

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** Labels for dates at the coarsest step that loses nothing: year, month, day or minute. */
export function dateLabels(values: readonly string[]): string[] {
  const parts = values.map((value) =>
    /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2}))?/.exec(value),
  );
  if (parts.some((part) => part === null)) return [...values];
  const every = (test: (part: RegExpExecArray) => boolean) =>
    parts.every((part) => part !== null && test(part));
  const midnight = every((part) => (part[4] ?? "00") === "00" && (part[5] ?? "00") === "00");
  const firstOfMonth = midnight && every((part) => part[3] === "01");
  const firstOfYear = firstOfMonth && every((part) => part[2] === "01") && values.length > 1;
  return parts.map((part) => {
    if (!part) return "";
    const month = MONTHS[Number(part[2]) - 1] ?? part[2];
    if (firstOfYear) return part[1] ?? "";
    if (firstOfMonth) return `${month} ${part[1]}`;
    if (midnight) return `${Number(part[3])} ${month} ${part[1]}`;
    return `${Number(part[3])} ${month} ${part[4]}:${part[5]}`;
  });
}

function collect(chart: Chart, columns: readonly Column[], rows: readonly Row[]): Points | null {
  const at = (name: string) => columns.findIndex((column) => column.name === name);
  const x = at(chart.x);
  const ys = chart.y.map(at);
  const by = chart.series === null || chart.series === undefined ? -1 : at(chart.series);
  if (x < 0 || ys.length === 0 || ys.some((y) => y < 0)) return null;

  const keys: string[] = [];
  const place = new Map<string, number>();
  const lines = new Map<string, (number | null)[]>();
  let left = 0;
  for (const row of rows) {
    const key = row[x] === null ? "(none)" : plainText(row[x]);
    let index = place.get(key);
    if (index === undefined) {
      if (keys.length >= MOST_CATEGORIES) {
        left += 1;
        continue;
      }
      index = keys.length;
      place.set(key, index);
      keys.push(key);
    }
    for (const y of ys) {
      const name = by >= 0 ? plainText(row[by]) : (columns[y]?.name ?? "");
      let line = lines.get(name);
      if (!line) lines.set(name, (line = []));
      line[index] = toNumber(row[y]);
    }
  }
  const temporal = isTemporalType(columns[x]?.type ?? "");
  const times = temporal ? keys.map(utcTime) : null;
  return {
    labels: temporal ? dateLabels(keys) : keys,
    times: times?.every((time) => !Number.isNaN(time)) ? times : null,
    series: [...lines].slice(0, MOST_SERIES).map(([name, values]) => ({
      name,
      values: Array.from(keys, (_, index) => values[index] ?? null),
    })),
    left,
  };
}

/** The kinds that can show this answer without misleading; the server's own choice is always among them. */
export function chartKinds(chart: Chart, columns: readonly Column[], rows: readonly Row[]) {
  const x = columns.find((column) => column.name === chart.x);
  const xNumeric = x !== undefined && isNumericType(x.type);
  const ordered = x !== undefined && (xNumeric || isTemporalType(x.type));
  const kinds = new Set<ChartKind>([chart.kind]);
  if (chart.kind !== "scatter") {
    kinds.add("bar");
    // A line between things without an order would show a course that is not there.
    if (ordered) kinds.add("line");
    const points = collect(chart, columns, rows);
    const single = points?.series.length === 1 ? points.series[0] : undefined;
    if (
      single &&
      !ordered &&
      single.values.length <= MOST_SLICES &&
      single.values.every((value) => value !== null && value >= 0)
    )
      kinds.add("pie");
  }
  if (xNumeric) kinds.add("scatter");
  return (["bar", "line", "pie", "scatter"] as const).filter((kind) => kinds.has(kind));
}

export interface BuiltChart {
  option: EChartsCoreOption;
  height: number;
  /** One sentence for people who cannot see the drawing. */
  description: string;
  note: string | null;
}

export function buildChart(
  chart: Chart,
  kind: ChartKind,
  columns: readonly Column[],
  rows: readonly Row[],
  colors: ChartColors,
  narrow: boolean,
): BuiltChart | null {
  const points = collect(chart, columns, rows);
  if (!points || points.labels.length === 0 || points.series.length === 0) return null;
  const note =
    points.left > 0
      ? `The chart shows the first ${MOST_CATEGORIES} values of ${chart.x}; the table has all rows.`
      : null;
  const description = `${kind} chart of ${chart.y.join(", ")} by ${chart.x}, ${points.labels.length} points`;
  const frame = baseOption(points, colors, narrow);
  const whole = (option: object, height = 320): BuiltChart => ({
    option: { ...frame, ...option },
    height,
    description,
    note,
  });
  if (kind === "pie") return whole(pieOption(points, colors, narrow));
  if (kind === "scatter") return whole(scatterOption(chart, columns, rows, colors));
  const turned =
    kind === "bar" &&
    points.times === null &&
    points.labels.length <= 40 &&
    (points.labels.length >= BAR_TURNS_AT ||
      points.labels.some((label) => label.length > LONG_LABEL) ||
      (narrow && points.labels.length > 4));
  const height = turned
    ? Math.max(220, 70 + points.labels.length * 26 * barGroups(chart, points))
    : 320;
  return whole(axisOption(chart, kind, points, colors, turned), height);
}

function barGroups(chart: Chart, points: Points): number {
  return chart.stacked ? 1 : Math.max(1, points.series.length * 0.6);
}

function baseOption(points: Points, colors: ChartColors, narrow: boolean) {
  const legend = points.series.length > 1;
  return {
    useUTC: true,
    color: colors.series,
    animationDuration: 300,
    textStyle: { fontFamily: "Figtree Variable, sans-serif", color: colors.ink },
    grid: {
      left: 8,
      right: narrow ? 12 : 24,
      top: legend ? 40 : 16,
      bottom: 8,
      containLabel: true,
    },
    legend: legend
      ? {
          type: "scroll",
          top: 0,
          textStyle: { color: colors.soft },
          icon: "roundRect",
          itemWidth: 12,
          itemHeight: 8,
        }
      : { show: false },
    tooltip: {
      trigger: "axis",
      axisPointer: { type: "shadow", shadowStyle: { color: colors.line, opacity: 0.35 } },
      backgroundColor: colors.surface,
      borderColor: colors.line,
      textStyle: { color: colors.ink, fontSize: 13 },
      confine: true,
      renderMode: TOOLTIP,
      valueFormatter: (value: unknown) => (typeof value === "number" ? formatNumber(value) : "—"),
    },
    aria: { enabled: false },
  };
}

function axisOption(
  chart: Chart,
  kind: "bar" | "line",
  points: Points,
  colors: ChartColors,
  turned: boolean,
) {
  const overTime = kind === "line" && points.times !== null;
  const axisLabel = { color: colors.soft, fontSize: 12, hideOverlap: true };
  const category = overTime
    ? {
        type: "time",
        axisLabel,
        axisLine: { lineStyle: { color: colors.line } },
        splitLine: { show: false },
      }
    : {
        type: "category",
        data: points.labels,
        inverse: turned,
        axisTick: { show: false },
        axisLine: { lineStyle: { color: colors.line } },
        axisLabel: { ...axisLabel, width: turned ? 140 : undefined, overflow: "truncate" },
      };
  const value = {
    type: "value",
    axisLabel: { ...axisLabel, formatter: (number: number) => compactNumber(number) },
    splitLine: { lineStyle: { color: colors.line, opacity: 0.7 } },
  };
  const series = points.series.map(({ name, values }, place) => ({
    name,
    type: kind,
    stack: chart.stacked ? "all" : undefined,
    areaStyle: kind === "line" && chart.stacked ? { opacity: 0.25 } : undefined,
    data:
      overTime && points.times
        ? points.times.map((time, index) => [time, values[index] ?? null])
        : values,
    barMaxWidth: 44,
    itemStyle: kind === "bar" ? { borderRadius: turned ? [0, 3, 3, 0] : [3, 3, 0, 0] } : undefined,
    // When the colours begin anew, the line is dashed.
    lineStyle:
      kind === "line"
        ? { width: 2.5, type: place < colors.series.length ? "solid" : "dashed" }
        : undefined,
    symbol: "circle",
    symbolSize: 6,
    showSymbol: points.labels.length <= 40,
    connectNulls: false,
    emphasis: { focus: points.series.length > 1 ? "series" : "none" },
  }));
  return turned
    ? { xAxis: value, yAxis: category, series }
    : { xAxis: category, yAxis: value, series };
}

function pieOption(points: Points, colors: ChartColors, narrow: boolean) {
  const values = points.series[0]?.values ?? [];
  return {
    legend: { type: "scroll", bottom: 0, textStyle: { color: colors.soft }, icon: "circle" },
    tooltip: {
      trigger: "item",
      backgroundColor: colors.surface,
      borderColor: colors.line,
      textStyle: { color: colors.ink, fontSize: 13 },
      confine: true,
      renderMode: TOOLTIP,
      valueFormatter: (value: unknown) => (typeof value === "number" ? formatNumber(value) : "—"),
    },
    series: [
      {
        type: "pie",
        radius: ["42%", "70%"],
        center: ["50%", "45%"],
        itemStyle: { borderColor: colors.surface, borderWidth: 2 },
        label: { show: !narrow, color: colors.soft, formatter: "{b}: {d}%" },
        data: points.labels.map((name, index) => ({ name, value: values[index] ?? 0 })),
      },
    ],
  };
}

function scatterOption(
  chart: Chart,
  columns: readonly Column[],
  rows: readonly Row[],
  colors: ChartColors,
) {
  const at = (name: string) => columns.findIndex((column) => column.name === name);
  const x = at(chart.x);
  const axis = (name: string) => ({
    type: "value",
    scale: true,
    name,
    nameLocation: "middle",
    nameGap: 30,
    nameTextStyle: { color: colors.soft },
    axisLabel: { color: colors.soft, formatter: (number: number) => compactNumber(number) },
    splitLine: { lineStyle: { color: colors.line, opacity: 0.7 } },
  });
  return {
    grid: { left: 28, right: 24, top: 40, bottom: 32, containLabel: true },
    tooltip: {
      trigger: "item",
      backgroundColor: colors.surface,
      borderColor: colors.line,
      textStyle: { color: colors.ink, fontSize: 13 },
      confine: true,
      formatter: (item: { value: [number, number]; seriesName: string }) =>
        `${chart.x}: ${formatNumber(item.value[0])}\n${item.seriesName}: ${formatNumber(item.value[1])}`,
      renderMode: TOOLTIP,
    },
    xAxis: axis(chart.x),
    yAxis: axis(chart.y.length === 1 ? (chart.y[0] ?? "") : ""),
    series: chart.y.map((name) => ({
      name,
      type: "scatter",
      symbolSize: 8,
      itemStyle: { opacity: 0.75 },
      data: rows.flatMap((row) => {
        const point = [toNumber(row[x]), toNumber(row[at(name)])];
        return point[0] === null || point[1] === null ? [] : [point];
      }),
    })),
  };
}
