// Values as people read them.
import { describe, expect, it } from "vitest";
import {
  cellFormatter,
  compactNumber,
  formatBytes,
  formatDuration,
  formatMoney,
  formatNumber,
  formatTimestamp,
  groupDigits,
  isNumericType,
  tableToText,
  timeAgo,
} from "./format";

describe("money", () => {
  it("keeps the digits that tell small amounts apart", () => {
    expect(formatMoney(12.345, "USD")).toBe("$12.35");
    expect(formatMoney(0.0061, "EUR")).toBe("€0.0061");
    expect(formatMoney(0, "USD")).toBe("$0.00");
  });
});

describe("numbers", () => {
  it("groups digits of any length without losing one", () => {
    expect(groupDigits("9007199254740993123")).toBe("9,007,199,254,740,993,123");
    expect(groupDigits("-1234.50")).toBe("−1,234.50");
    expect(groupDigits("0.1234567890123456789")).toBe("0.1234567890123456789");
    expect(groupDigits("12a")).toBe("12a");
  });

  it("rounds floats to what can be read", () => {
    expect(formatNumber(1234567)).toBe("1,234,567");
    expect(formatNumber(0.1 + 0.2)).toBe("0.3");
    expect(formatNumber(1234.56789)).toBe("1,234.57");
    expect(formatNumber(1e-9)).toBe("1.00000e-9");
    expect(formatNumber(-5)).toBe("−5");
  });

  it("shortens axis numbers evenly", () => {
    expect([800, 8000, 12_000, 4_500_000].map(compactNumber)).toEqual(["800", "8K", "12K", "4.5M"]);
  });

  it("knows numeric types", () => {
    expect(
      ["integer", "decimal(12,2)", "float", "bigint", "double precision"].every(isNumericType),
    ).toBe(true);
    expect(["text", "interval", "point", "date"].some(isNumericType)).toBe(false);
  });
});

describe("cells", () => {
  const format = (name: string, type: string, values: unknown[]) => {
    const rows = values.map((value) => [value]);
    const cell = cellFormatter({ name, type }, rows, 0);
    return values.map(cell);
  };

  it("shows null as such", () => {
    expect(format("a", "text", [null, "", "null"])).toEqual(["null", "", "null"]);
  });

  it("keeps the digits of decimals that came as text", () => {
    expect(format("total", "decimal", ["1234567.10"])).toEqual(["1,234,567.10"]);
  });

  it("does not group years and identifiers", () => {
    expect(format("year", "integer", [2026])).toEqual(["2026"]);
    expect(format("store_id", "bigint", ["9007199254740993"])).toEqual(["9007199254740993"]);
    expect(format("orders", "integer", [2026])).toEqual(["2,026"]);
  });

  it("leaves the time away only when the whole column is at midnight", () => {
    expect(format("month", "timestamp", ["2025-01-01T00:00:00", null])).toEqual([
      "2025-01-01",
      "null",
    ]);
    expect(format("at", "timestamp", ["2025-01-01T00:00:00", "2025-01-01T10:05:30.5Z"])).toEqual([
      "2025-01-01 00:00",
      "2025-01-01 10:05:30.5",
    ]);
    expect(formatTimestamp("2025-01-01T10:00:00+02:00", false)).toBe("2025-01-01 10:00 +02:00");
  });

  it("shows nested values as JSON", () => {
    expect(format("doc", "json", [{ a: [1, 2] }, true])).toEqual(['{"a":[1,2]}', "true"]);
  });
});

describe("sizes and times", () => {
  it("reads well", () => {
    expect([0, 999, 1024, 1_073_741_824, 98_211_233].map(formatBytes)).toEqual([
      "0 B",
      "999 B",
      "1 KB",
      "1 GB",
      "94 MB",
    ]);
    expect(
      [0.2, 31.9, 1500, 18_000, 60_000, 61_000, 5_400_000, 90_000_000].map(formatDuration),
    ).toEqual([
      "under 1 ms",
      "32 ms",
      "1.5 s",
      "18 s",
      "1 min",
      "1 min 1 s",
      "1 h 30 min",
      "1 d 1 h",
    ]);
    const now = Date.parse("2026-11-23T12:00:00Z");
    expect(timeAgo("2026-11-23T11:59:50Z", now)).toBe("just now");
    expect(timeAgo("2026-11-23T11:00:00Z", now)).toBe("1 hour ago");
    expect(timeAgo("2026-11-20T12:00:00Z", now)).toBe("3 days ago");
  });
});

describe("copied tables", () => {
  it("are tab-separated, with breaks inside cells made spaces", () => {
    const columns = [
      { name: "a", type: "text" },
      { name: "b", type: "integer" },
    ];
    expect(
      tableToText(columns, [
        ["x\ty\nz", 1],
        [null, "2"],
      ]),
    ).toBe("a\tb\nx y z\t1\n\t2");
  });
});
