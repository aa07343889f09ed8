// A table of any length: only the rows in view are drawn; sorts when all rows are here, says which are in view when they are not.
import {
  createSortedRowModel,
  rowSortingFeature,
  tableFeatures,
  useTable,
  type ColumnDef,
  type SortFn,
} from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, ArrowUp } from "lucide-react";
import { useEffect, useMemo, useRef } from "react";
import type { Cell, Column, Row } from "@/api/types";
import { MoreColumns } from "@/components/more-columns";
import { cn } from "@/lib/cn";
import { cellFormatter, isNumericType, plainText } from "@/lib/format";
import type { ResultRows } from "@/lib/use-result-rows";

const ROW = 34;
const HEAD = 38;
const SAMPLE = 60;
const REST_MS = 60;

const byValue: SortFn<typeof features, Row> = (a, b, id) => compare(a.getValue(id), b.getValue(id));
const features = tableFeatures({ rowSortingFeature, sortedRowModel: createSortedRowModel() });

interface DataTableProps {
  columns: readonly Column[];
  rows: Row[];
  rowCount: number;
  label: string;
  maxHeight?: number;
  /** The rows beyond `rows`, where they are fetched as they come into view. */
  rest?: ResultRows["rest"];
}

export function DataTable({
  columns,
  rows,
  rowCount,
  label,
  maxHeight = 400,
  rest,
}: DataTableProps) {
  const frame = useRef<HTMLDivElement>(null);
  const complete = rows.length >= rowCount;
  const formats = useMemo(
    () => columns.map((column, index) => cellFormatter(column, rows, index)),
    [columns, rows],
  );
  const widths = useMemo(() => columnWidths(columns, rows, formats), [columns, rows, formats]);
  const definitions = useMemo(
    () =>
      columns.map((column, index): ColumnDef<typeof features, Row> => ({
        id: String(index),
        header: column.name,
        accessorFn: (row) => sortKey(row[index], isNumericType(column.type)),
        sortFn: byValue,
        sortUndefined: "last",
        sortDescFirst: isNumericType(column.type),
      })),
    [columns],
  );
  const table = useTable({ features, columns: definitions, data: rows, enableSorting: complete });
  const shown = table.getRowModel().rows;
  const virtual = useVirtualizer({
    count: complete || !rest ? shown.length : rowCount,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW,
    overscan: 12,
  });
  const items = virtual.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items.at(-1)?.index ?? 0;

  // A drag of the scrollbar passes over many rows; only where it rests are they fetched.
  const show = rest?.show;
  useEffect(() => {
    if (complete || !show) return;
    const rested = setTimeout(() => show(first, last), REST_MS);
    return () => clearTimeout(rested);
  }, [complete, show, first, last]);

  const above = items[0]?.start ?? 0;
  const below = virtual.getTotalSize() - (items.at(-1)?.end ?? 0);
  const total = widths.reduce((sum, width) => sum + width, 0);

  const height = Math.min(maxHeight, HEAD + virtual.options.count * ROW + 2);

  return (
    // A few narrow columns are not pulled apart over the whole width.
    <div className="relative isolate" style={{ width: `min(100%, ${Math.round(total * 1.5)}px)` }}>
      <div
        ref={frame}
        // Scrolled by keyboard, so it has to take the focus.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        role="region"
        aria-label={label}
        className="overflow-auto overscroll-x-contain rounded-xl border border-line outline-offset-[-2px]"
        style={{ maxHeight, height }}
      >
        <table
          aria-rowcount={rowCount + 1}
          className="w-full table-fixed border-separate border-spacing-0 text-sm tabular-nums"
          style={{ minWidth: total }}
        >
          <colgroup>
            {widths.map((width, index) => (
              <col key={index} style={{ width }} />
            ))}
          </colgroup>
          <thead className="sticky top-0 z-10">
            <tr aria-rowindex={1}>
              {table.getHeaderGroups()[0]?.headers.map((header, index) => {
                const column = columns[index];
                const sorted = header.column.getIsSorted();
                const numeric = isNumericType(column?.type ?? "");
                return (
                  <th
                    key={header.id}
                    scope="col"
                    aria-sort={
                      sorted === "asc" ? "ascending" : sorted === "desc" ? "descending" : undefined
                    }
                    className="border-b border-line bg-sunken p-0 font-semibold"
                    style={{ height: HEAD }}
                  >
                    <button
                      type="button"
                      disabled={!complete}
                      onClick={header.column.getToggleSortingHandler()}
                      title={`${column?.name} (${column?.type})${complete ? "" : " – sorting needs all rows; ask for an order instead"}`}
                      className={cn(
                        "flex h-full w-full items-center gap-1 px-3 outline-offset-[-3px]",
                        numeric ? "flex-row-reverse" : "",
                      )}
                    >
                      <span className="truncate">{column?.name}</span>
                      {sorted === "asc" && <ArrowUp className="size-3.5 shrink-0" aria-hidden />}
                      {sorted === "desc" && <ArrowDown className="size-3.5 shrink-0" aria-hidden />}
                    </button>
                  </th>
                );
              })}
            </tr>
          </thead>
          <tbody>
            {above > 0 && <Spacer height={above} span={columns.length} />}
            {items.map((item) => {
              const row = shown[item.index]?.original ?? rest?.rowAt(item.index);
              if (!row) return <Awaited key={item.key} span={columns.length} index={item.index} />;
              return (
                <tr key={item.key} aria-rowindex={item.index + 2} className="group">
                  {columns.map((column, index) => (
                    <BodyCell
                      key={index}
                      value={row[index]}
                      format={formats[index] ?? plainText}
                      numeric={isNumericType(column.type)}
                    />
                  ))}
                </tr>
              );
            })}
            {below > 0 && <Spacer height={below} span={columns.length} />}
          </tbody>
        </table>
      </div>
      <MoreColumns frame={frame} widths={widths} />
    </div>
  );
}

interface BodyCellProps {
  value: Cell;
  format: (value: Cell) => string;
  numeric: boolean;
}

function BodyCell({ value, format, numeric }: BodyCellProps) {
  const empty = value === null || value === undefined;
  return (
    <td
      title={empty ? undefined : plainText(value).slice(0, 2000)}
      className={cn(
        "truncate border-b border-line/60 px-3 group-last:border-b-0 group-hover:bg-sunken/60",
        numeric && "text-right",
        empty && "text-ink-faint italic",
      )}
      style={{ height: ROW }}
    >
      {format(value).slice(0, 300)}
    </td>
  );
}

/** The place of a row that is on its way. */
function Awaited({ span, index }: { span: number; index: number }) {
  return (
    <tr aria-rowindex={index + 2}>
      <td colSpan={span} className="border-b border-line/60 px-3" style={{ height: ROW }}>
        <span className="block h-2.5 w-full animate-pulse rounded-full bg-sunken" />
      </td>
    </tr>
  );
}

function Spacer({ height, span }: { height: number; span: number }) {
  return (
    <tr aria-hidden>
      <td colSpan={span} style={{ height, padding: 0 }} />
    </tr>
  );
}

function sortKey(value: Cell, numeric: boolean): string | number | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value === "number") return value;
  if (numeric && typeof value === "string") return Number(value);
  return plainText(value);
}

function compare(a: unknown, b: unknown): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), undefined, { numeric: true });
}

function columnWidths(
  columns: readonly Column[],
  rows: readonly Row[],
  formats: readonly ((value: Cell) => string)[],
): number[] {
  return columns.map((column, index) => {
    const format = formats[index] ?? plainText;
    const longest = rows
      .slice(0, SAMPLE)
      .reduce((most, row) => Math.max(most, format(row[index]).length), column.name.length + 2);
    return Math.min(340, Math.max(84, Math.round(longest * 7.6) + 26));
  });
}
