// Turns values of the API into the text people read: numbers, dates, sizes, durations. No markup.
import type { Cell, Column, Row } from "@/api/types";

const NUMERIC =
  /^(?:u?int(?:eger)?\d*|smallint|bigint|serial|bigserial|decimal|numeric|float\d*|double(?: precision)?|real|money|number)\b/i;
const FLOAT = /^(?:float|double|real)/i;
const TEMPORAL = /^(?:date|timestamp|datetime)/i;
/** Column names whose numbers are labels, not amounts: grouping digits would only disturb. */
const LABEL_NAME = /(?:^|_|\s)(?:id|ids|year|yr|zip|postcode|postal_code|phone|code|no|number)$/i;

export const isNumericType = (type: string): boolean => NUMERIC.test(type);
export const isTemporalType = (type: string): boolean => TEMPORAL.test(type);

/** A decimal text with grouped thousands; digits are never lost, whatever the length. */
export function groupDigits(text: string): string {
  const match = /^([+-]?)(\d+)(\.\d+)?$/.exec(text);
  if (!match) return text;
  const [, sign = "", whole = "", fraction = ""] = match;
  return `${sign === "-" ? "−" : ""}${whole.replace(/\B(?=(\d{3})+$)/g, ",")}${fraction}`;
}

export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return groupDigits(String(value));
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e15)) return value.toPrecision(6);
  const digits = size >= 100 ? 2 : size >= 1 ? 4 : 6;
  return groupDigits(String(Number(value.toFixed(digits))));
}

/** An amount of money; small ones keep the digits that tell them apart. */
export function formatMoney(amount: number, currency: string): string {
  const small = amount !== 0 && Math.abs(amount) < 0.1;
  return new Intl.NumberFormat("en", {
    style: "currency",
    currency,
    ...(small ? { maximumSignificantDigits: 2 } : {}),
  }).format(amount);
}

/** Short numbers for axes: 800, 12K, 4.5M. */
export function compactNumber(value: number): string {
  if (Math.abs(value) < 1000) return formatNumber(Number(value.toPrecision(4)));
  return new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(
    value,
  );
}

const ISO_TIMESTAMP =
  /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})(?::(\d{2}(?:\.\d+)?))?(Z|[+-]\d{2}:?\d{2})?$/;

function isMidnight(value: Cell): boolean {
  const match = typeof value === "string" ? ISO_TIMESTAMP.exec(value) : null;
  return match !== null && match[2] === "00:00" && Number(match[3] ?? 0) === 0;
}

export function formatTimestamp(text: string, dateOnly: boolean): string {
  const match = ISO_TIMESTAMP.exec(text);
  if (!match) return text;
  const [, date = "", time = "", seconds, zone] = match;
  if (dateOnly) return date;
  const tail = seconds !== undefined && Number(seconds) !== 0 ? `:${seconds}` : "";
  return `${date} ${time}${tail}${zone && zone !== "Z" && zone !== "+00:00" ? ` ${zone}` : ""}`;
}

export function plainText(value: Cell): string {
  if (value === null || value === undefined) return "null";
  if (typeof value === "string") return value;
  if (typeof value === "object") return JSON.stringify(value);
  return String(value as number | boolean | bigint);
}

/** How to show one column: decided once from its name, type and values, then applied to each cell. */
export function cellFormatter(column: Column, rows: readonly Row[], index: number) {
  const numeric = isNumericType(column.type);
  const temporal = isTemporalType(column.type);
  const label = numeric && LABEL_NAME.test(column.name);
  const dateOnly =
    temporal &&
    rows.every((row) => row[index] === null || isMidnight(row[index])) &&
    rows.length > 0;
  return (value: Cell): string => {
    if (value === null || value === undefined) return "null";
    if (typeof value === "number")
      return label && Number.isInteger(value) ? String(value) : formatNumber(value);
    if (typeof value === "string" && numeric) {
      if (label) return value;
      return FLOAT.test(column.type) ? formatNumber(Number(value)) : groupDigits(value);
    }
    if (typeof value === "string" && temporal) return formatTimestamp(value, dateOnly);
    return plainText(value);
  };
}

export function formatBytes(bytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let size = bytes;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? size : size.toFixed(size < 10 && !Number.isInteger(size) ? 1 : 0)} ${units[unit]}`;
}

/** Long times in two units at most: seconds of the unit, its name, and the same of the next smaller one. */
const LONG = [
  [86_400, "d", 3600, "h"],
  [3600, "h", 60, "min"],
  [60, "min", 1, "s"],
] as const;

export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1) return "under 1 ms";
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 9_950) return `${(milliseconds / 1000).toFixed(1)} s`;
  if (milliseconds < 59_500) return `${Math.round(milliseconds / 1000)} s`;
  const seconds = Math.round(milliseconds / 1000);
  const [size, unit, part, partUnit] = LONG.find(([size]) => seconds >= size) ?? LONG[2];
  const rest = Math.floor((seconds % size) / part);
  return `${Math.floor(seconds / size)} ${unit}${rest > 0 ? ` ${rest} ${partUnit}` : ""}`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${groupDigits(String(count))} ${count === 1 ? one : many}`;
}

export function timeAgo(iso: string, now = Date.now()): string {
  const seconds = Math.round((now - Date.parse(iso)) / 1000);
  if (Number.isNaN(seconds)) return "";
  if (seconds < 45) return "just now";
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  if (seconds < 86_400) return plural(Math.round(seconds / 3600), "hour") + " ago";
  if (seconds < 7 * 86_400) return plural(Math.round(seconds / 86_400), "day") + " ago";
  return new Date(iso).toLocaleDateString("en-GB", {
    day: "numeric",
    month: "short",
    year: "numeric",
  });
}

/** When it will be: "in 3 min". */
export function timeAhead(iso: string, now = Date.now()): string {
  const seconds = Math.round((Date.parse(iso) - now) / 1000);
  if (Number.isNaN(seconds) || seconds < 5) return "now";
  return `in ${formatDuration(seconds * 1000)}`;
}

/** How long until then: "for 3 days". */
export function timeUntil(iso: string, now = Date.now()): string {
  const seconds = Math.round((Date.parse(iso) - now) / 1000);
  if (Number.isNaN(seconds) || seconds <= 0) return "no longer";
  if (seconds < 3600) return `for ${plural(Math.max(1, Math.round(seconds / 60)), "minute")}`;
  if (seconds < 2 * 86_400) return `for ${plural(Math.round(seconds / 3600), "hour")}`;
  return `for ${plural(Math.round(seconds / 86_400), "day")}`;
}

/** A moment in the reader's own time zone, to the second. */
export function formatMoment(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso;
  const two = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** The table as text that spreadsheets take when pasted: tab-separated, line breaks and tabs inside cells made spaces. */
export function tableToText(columns: readonly Column[], rows: readonly Row[]): string {
  const clean = (text: string) => text.replace(/[\t\r\n]+/g, " ");
  const lines = [columns.map((column) => clean(column.name)).join("\t")];
  for (const row of rows)
    lines.push(row.map((cell) => (cell === null ? "" : clean(plainText(cell)))).join("\t"));
  return lines.join("\n");
}
