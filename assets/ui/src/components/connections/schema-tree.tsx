// A virtual tree of tables and columns: thousands of tables, a few dozen elements. One tab stop, then the arrow keys.
import { useVirtualizer } from "@tanstack/react-virtual";
import { useId, useMemo, useRef, useState, type KeyboardEvent } from "react";
import { schemaRows, type Found, type SchemaRow } from "@/lib/schema-rows";
import { cn } from "@/lib/cn";
import type { KindWords } from "@/lib/kinds";
import { ColumnRow, RestRow, TableRow } from "./schema-rows";

const HEIGHTS = { table: 44, column: 32, rest: 36 };
const COMMENTED = 60;
const PAGE = 10;

interface SchemaTreeProps {
  found: readonly Found[];
  sought: string;
  words: KindWords;
}

export function SchemaTree({ found, sought, words }: SchemaTreeProps) {
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const [active, setActive] = useState(0);
  const id = useId();
  const frame = useRef<HTMLDivElement>(null);
  const rows = useMemo(() => schemaRows(found, open), [found, open]);
  const places = useMemo(() => tablePlaces(rows), [rows]);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => frame.current,
    estimateSize: (index) => estimate(rows[index]),
    getItemKey: (index) => rows[index]?.key ?? index,
    overscan: 12,
    scrollPaddingStart: 4,
    scrollPaddingEnd: 4,
  });
  const current = Math.min(active, rows.length - 1);

  function toggle(key: string) {
    setOpen((before) => {
      const after = new Set(before);
      if (!after.delete(key)) after.add(key);
      return after;
    });
  }

  function act(index: number) {
    const row = rows[index];
    if (!row) return;
    setActive(index);
    if (row.kind === "table") toggle(row.key);
    if (row.kind === "rest") toggle(row.key.slice(0, -"/rest".length));
  }

  function move(event: KeyboardEvent, to: number) {
    event.preventDefault();
    const next = Math.max(0, Math.min(rows.length - 1, to));
    setActive(next);
    virtual.scrollToIndex(next);
  }

  function onKeyDown(event: KeyboardEvent) {
    const row = rows[current];
    if (!row || event.altKey || event.ctrlKey || event.metaKey) return;
    switch (event.key) {
      case "ArrowDown":
        return move(event, current + 1);
      case "ArrowUp":
        return move(event, current - 1);
      case "PageDown":
        return move(event, current + PAGE);
      case "PageUp":
        return move(event, current - PAGE);
      case "Home":
        return move(event, 0);
      case "End":
        return move(event, rows.length - 1);
      case "ArrowRight":
        if (row.kind !== "table") return;
        if (row.open) return move(event, current + 1);
        event.preventDefault();
        return act(current);
      case "ArrowLeft":
        if (row.kind !== "table") return move(event, lastTable(rows, current));
        if (!open.has(row.key)) return;
        event.preventDefault();
        return act(current);
      case "Enter":
      case " ":
        event.preventDefault();
        return act(current);
    }
  }

  return (
    <div
      ref={frame}
      role="tree"
      tabIndex={0}
      aria-label={`The ${words.table}s and their ${words.column}s`}
      aria-activedescendant={`${id}-${current}`}
      onKeyDown={onKeyDown}
      className="group/tree max-h-[min(40rem,70dvh)] overflow-y-auto overscroll-contain rounded-b-2xl border-t border-line outline-offset-[-2px]"
    >
      <div role="presentation" className="relative" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index];
          if (!row) return null;
          const place = places[item.index];
          return (
            // The tree itself takes the keys; the row is what the pointer meets.
            // eslint-disable-next-line jsx-a11y/click-events-have-key-events
            <div
              key={item.key}
              ref={virtual.measureElement}
              id={`${id}-${item.index}`}
              data-index={item.index}
              role="treeitem"
              tabIndex={-1}
              aria-level={row.kind === "table" ? 1 : row.kind === "column" ? 2 + row.depth : 2}
              aria-expanded={row.kind === "table" ? row.open : undefined}
              aria-selected={item.index === current}
              aria-setsize={row.kind === "table" ? found.length : undefined}
              aria-posinset={row.kind === "table" ? place : undefined}
              onClick={() => {
                // Text that was just selected is to be copied, not folded away.
                if (!window.getSelection()?.toString()) act(item.index);
              }}
              className={cn(
                "absolute inset-x-0 top-0 outline-none",
                row.kind === "table" && item.index > 0 && "border-t border-line",
                row.kind !== "column" && "cursor-pointer hover:bg-sunken/70",
                item.index === current && "group-focus-visible/tree:bg-custard-soft/70",
              )}
              style={{ transform: `translateY(${item.start}px)` }}
            >
              {row.kind === "table" ? (
                <TableRow table={row.table} open={row.open} sought={sought} words={words} />
              ) : row.kind === "column" ? (
                <ColumnRow row={row} sought={sought} />
              ) : (
                <RestRow count={row.count} words={words} />
              )}
            </div>
          );
        })}
      </div>
    </div>
  );
}

function estimate(row: SchemaRow | undefined): number {
  if (!row) return 0;
  return row.kind === "table" && row.table.comment ? COMMENTED : HEIGHTS[row.kind];
}

function lastTable(rows: readonly SchemaRow[], from: number): number {
  for (let index = from; index > 0; index--) if (rows[index]?.kind === "table") return index;
  return 0;
}

/** The place of each table among the tables, counted from one. */
function tablePlaces(rows: readonly SchemaRow[]): number[] {
  let place = 0;
  return rows.map((row) => (row.kind === "table" ? ++place : place));
}
