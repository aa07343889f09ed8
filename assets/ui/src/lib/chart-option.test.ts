// From an answer's chart to an ECharts option.
import { describe, expect, it } from "vitest";
import type { Chart } from "@/api/types";
import { buildChart, chartKinds, dateLabels, type ChartColors } from "./chart-option";

const colors: ChartColors = {
  series: ["#111"],
  ink: "#222",
  soft: "#333",
  line: "#444",
  surface: "#fff",
};
const chart = (part: Partial<Chart>): Chart => ({
  kind: "bar",
  x: "name",
  y: ["total"],
  series: null,
  stacked: false,
  ...part,
});
const columns = [
  { name: "name", type: "text" },
  { name: "total", type: "decimal" },
];

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the option's type is too wide to look into
const option = (built: ReturnType<typeof buildChart>): any => built?.option;

describe("buildChart", () => {
  it("draws decimals that came as text, and leaves holes for null", () => {
    const built = option(
      buildChart(
        chart({}),
        "bar",
        columns,
        [
          ["a", "10.5"],
          ["b", null],
          ["c", "x"],
        ],
        colors,
        false,
      ),
    );
    expect(built.xAxis.data).toEqual(["a", "b", "c"]);
    expect(built.series).toHaveLength(1);
    expect(built.series[0].data).toEqual([10.5, null, null]);
    expect(built.legend.show).toBe(false);
  });

  it("turns bars with many or long names on their side", () => {
    const rows = Array.from({ length: 12 }, (_, index) => [`n${index}`, index]);
    const built = buildChart(chart({}), "bar", columns, rows, colors, false);
    expect(option(built).yAxis.type).toBe("category");
    expect(option(built).yAxis.inverse).toBe(true);
    expect(built?.height).toBeGreaterThan(300);
  });

  it("makes one line per value of the series column, aligned by x", () => {
    const wide = [
      { name: "month", type: "timestamp" },
      { name: "channel", type: "text" },
      { name: "total", type: "float" },
    ];
    const rows = [
      ["2025-01-01T00:00:00", "counter", 1],
      ["2025-02-01T00:00:00", "counter", 2],
      ["2025-02-01T00:00:00", "online", 3],
    ];
    const built = option(
      buildChart(
        chart({ kind: "line", x: "month", series: "channel" }),
        "line",
        wide,
        rows,
        colors,
        false,
      ),
    );
    expect(built.xAxis.type).toBe("time");
    expect(built.useUTC).toBe(true);
    const [counter, online] = built.series;
    expect(counter.name).toBe("counter");
    expect(counter.data[0]).toEqual([Date.UTC(2025, 0, 1), 1]);
    expect(online.data[0][1]).toBeNull();
    expect(online.data[1]).toEqual([Date.UTC(2025, 1, 1), 3]);
  });

  it("says when there are more categories than it draws", () => {
    const rows = Array.from({ length: 250 }, (_, index) => [`n${index}`, index]);
    expect(buildChart(chart({}), "bar", columns, rows, colors, false)?.note).toContain("first 200");
  });

  it("draws nothing for columns that are not there, or without rows", () => {
    expect(buildChart(chart({ x: "gone" }), "bar", columns, [["a", 1]], colors, false)).toBeNull();
    expect(buildChart(chart({}), "bar", columns, [], colors, false)).toBeNull();
  });
});

describe("chartKinds", () => {
  it("offers a pie only for few parts that are not negative", () => {
    expect(
      chartKinds(chart({}), columns, [
        ["a", 1],
        ["b", 2],
      ]),
    ).toContain("pie");
    expect(
      chartKinds(chart({}), columns, [
        ["a", 1],
        ["b", -2],
      ]),
    ).not.toContain("pie");
    const many = Array.from({ length: 20 }, (_, index) => [`n${index}`, 1]);
    expect(chartKinds(chart({}), columns, many)).not.toContain("pie");
  });

  it("offers a line only along an order", () => {
    expect(chartKinds(chart({}), columns, [["a", 1]])).not.toContain("line");
    const months = [
      { name: "name", type: "date" },
      { name: "total", type: "float" },
    ];
    expect(chartKinds(chart({}), months, [["2025-01-01", 1]])).toEqual(["bar", "line"]);
  });

  it("offers points only over numbers", () => {
    expect(chartKinds(chart({}), columns, [["a", 1]])).not.toContain("scatter");
    const numbers = [
      { name: "name", type: "integer" },
      { name: "total", type: "float" },
    ];
    expect(chartKinds(chart({ kind: "scatter" }), numbers, [[1, 2]])).toEqual(["scatter"]);
  });
});

describe("dateLabels", () => {
  it("uses the coarsest step that loses nothing", () => {
    expect(dateLabels(["2024-01-01", "2025-01-01"])).toEqual(["2024", "2025"]);
    expect(dateLabels(["2025-01-01T00:00:00", "2025-02-01T00:00:00"])).toEqual([
      "Jan 2025",
      "Feb 2025",
    ]);
    expect(dateLabels(["2025-01-31"])).toEqual(["31 Jan 2025"]);
    expect(dateLabels(["2025-01-31T10:30:00"])).toEqual(["31 Jan 10:30"]);
    expect(dateLabels(["2025-01-31", "soon"])).toEqual(["2025-01-31", "soon"]);
  });
});
