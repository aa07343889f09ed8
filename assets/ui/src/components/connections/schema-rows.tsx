// One row of the schema tree: a table with its size, or a column with its type, keys, comment and known values.
import { ChevronRight, Eye, KeyRound, Link2, ListOrdered, Table2 } from "lucide-react";
import type { ReactNode } from "react";
import type { CatalogTable } from "@/api/types";
import { cn } from "@/lib/cn";
import { compactNumber, plural } from "@/lib/format";
import type { KindWords } from "@/lib/kinds";
import { fullName, type SchemaRow } from "@/lib/schema-rows";

const kinds: Record<string, string | undefined> = {
  view: "view",
  materialized_view: "materialised view",
  foreign_table: "foreign table",
  time_series: "time series",
};

interface TableRowProps {
  table: CatalogTable;
  open: boolean;
  sought: string;
  words: KindWords;
}

export function TableRow({ table, open, sought, words }: TableRowProps) {
  const kind = kinds[table.kind ?? "table"];
  const Icon = kind?.endsWith("view") ? Eye : Table2;
  return (
    <div className="flex items-center gap-3 px-5 py-2.5">
      <ChevronRight
        className={cn("size-4 shrink-0 text-ink-faint transition-transform", open && "rotate-90")}
        aria-hidden
      />
      <Icon className="size-4 shrink-0 text-ink-soft" aria-hidden />
      <span className="min-w-0 flex-1">
        <span className="block truncate font-semibold" title={fullName(table)}>
          {table.schema && table.schema !== "public" && (
            <span className="font-normal text-ink-soft">
              <Marked text={table.schema} sought={sought} />.
            </span>
          )}
          <Marked text={table.name} sought={sought} />
        </span>
        {table.comment && (
          <span className="block truncate text-sm text-ink-soft" title={table.comment}>
            <Marked text={table.comment} sought={sought} />
          </span>
        )}
      </span>
      <span className="shrink-0 text-sm text-ink-faint tabular-nums max-sm:hidden">
        {[
          kind,
          plural(table.columns.length, words.column),
          typeof table.row_estimate === "number" &&
            `about ${compactNumber(table.row_estimate)} rows`,
        ]
          .filter(Boolean)
          .join(" · ")}
      </span>
    </div>
  );
}

interface ColumnRowProps {
  row: Extract<SchemaRow, { kind: "column" }>;
  sought: string;
}

export function ColumnRow({ row, sought }: ColumnRowProps) {
  const { table, column, depth, name } = row;
  const key = table.foreign_keys?.find(({ columns }) => columns.includes(column.name));
  const unique = table.unique?.some((set) => set.length === 1 && set[0] === column.name);
  const indexed = table.indexes?.some((set) => set[0] === column.name);
  const values = column.values ?? [];
  return (
    <div
      className={cn(
        "grid gap-x-4 py-1 pr-5 pl-12 text-sm sm:grid-cols-[minmax(9rem,15rem)_minmax(0,1fr)] sm:pl-18.5",
        row.last && "pb-3",
      )}
      title={depth > 0 ? column.name : undefined}
    >
      <span
        className="min-w-0 font-mono text-[0.8125rem] leading-5 break-words"
        style={depth > 0 ? { paddingLeft: `${depth * 1.1}rem` } : undefined}
      >
        <Marked text={name} sought={sought} />
      </span>
      <span className="flex min-w-0 flex-wrap items-center gap-x-3 leading-5 text-ink-soft">
        <span>
          {typeText(column)}
          {column.nullable === false && ", required"}
        </span>
        {typeof column.seen === "number" && column.seen < 1 && (
          <span title="The share of the sampled documents that have this field">
            in {percent(column.seen)}
          </span>
        )}
        {table.primary_key?.includes(column.name) && (
          <Key icon={<KeyRound aria-hidden />}>primary key</Key>
        )}
        {unique && <Key icon={<KeyRound aria-hidden />}>unique</Key>}
        {indexed && <Key icon={<ListOrdered aria-hidden />}>indexed</Key>}
        {key && (
          <Key icon={<Link2 aria-hidden />} link>
            {key.table}.{key.references.join(", ")}
          </Key>
        )}
        {column.comment && (
          <span className="text-ink">
            <Marked text={column.comment} sought={sought} />
          </span>
        )}
        {values.length > 0 && (
          <span className="max-w-full truncate text-ink-faint" title={values.join(", ")}>
            {column.values_complete ? "one of " : "such as "}
            {values.slice(0, 6).join(", ")}
            {values.length > 6 && "…"}
          </span>
        )}
      </span>
    </div>
  );
}

/** A field of documents may hold several types: each with its share of the values found. */
function typeText({ type, types = [] }: ColumnRowProps["row"]["column"]): string {
  return types.length > 1
    ? types.map(({ name, share }) => `${name} ${percent(share)}`).join(", ")
    : type;
}

function percent(share: number): string {
  const whole = Math.round(share * 100);
  if (whole === 0 && share > 0) return "under 1 %";
  return whole === 100 && share < 1 ? "over 99 %" : `${whole} %`;
}

function Key({ icon, link, children }: { icon: ReactNode; link?: boolean; children: ReactNode }) {
  return (
    <span
      className={cn(
        "flex items-center gap-1 [&_svg]:size-3.5",
        link ? "text-berry" : "text-ink-soft",
      )}
    >
      {icon}
      {children}
    </span>
  );
}

export function RestRow({ count, words }: { count: number; words: KindWords }) {
  return (
    <p className="py-1.5 pr-5 pl-12 text-sm font-semibold text-berry sm:pl-18.5">
      Show {plural(count, `more ${words.column}`)}
    </p>
  );
}

/** A text with the first sought word that it holds marked. */
function Marked({ text, sought }: { text: string; sought: string }) {
  const lower = text.toLowerCase();
  for (const word of sought.toLowerCase().split(/\s+/).filter(Boolean)) {
    const at = lower.indexOf(word);
    if (at >= 0)
      return (
        <>
          {text.slice(0, at)}
          <mark className="rounded-sm bg-custard-soft text-ink ring-1 ring-custard/60">
            {text.slice(at, at + word.length)}
          </mark>
          {text.slice(at + word.length)}
        </>
      );
  }
  return text;
}
