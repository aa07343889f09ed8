// The tables of a database with search over table and column names.
import { useQuery } from "@tanstack/react-query";
import { ChevronRight, Eye, KeyRound, Link2, Search, Table2 } from "lucide-react";
import { useMemo, useState } from "react";
import { schemaQuery } from "@/api/queries";
import type { CatalogTable, Connection } from "@/api/types";
import { Card, CardHead } from "@/components/ui/card";
import { Input } from "@/components/ui/field";
import { Empty, LoadError } from "@/components/ui/notice";
import { SkeletonRows } from "@/components/ui/skeleton";
import { groupDigits, plural } from "@/lib/format";

/** More tables than this are found by search rather than listed. */
const MOST_SHOWN = 200;

export function SchemaBrowser({ connection }: { connection: Connection }) {
  const schema = useQuery(schemaQuery(connection.id));
  const [search, setSearch] = useState("");
  const words = search.trim().toLowerCase();
  const found = useMemo(
    () => (schema.data?.tables ?? []).filter((table) => matches(table, words)),
    [schema.data, words],
  );

  return (
    <Card aria-labelledby="schema">
      <CardHead
        id="schema"
        title="Schema"
        note={schema.data?.discovered_at ? plural(schema.data.tables.length, "table") : undefined}
        action={
          (schema.data?.tables.length ?? 0) > 0 && (
            <div className="relative w-full sm:w-72">
              <Search
                className="pointer-events-none absolute top-2.5 left-3 size-4 text-ink-faint"
                aria-hidden
              />
              <Input
                type="search"
                className="pl-9"
                aria-label="Search tables and columns"
                placeholder="Search tables and columns"
                value={search}
                onChange={(event) => setSearch(event.target.value)}
              />
            </div>
          )
        }
      />
      {schema.isPending ? (
        <div className="px-5 pb-5">
          <SkeletonRows count={4} />
        </div>
      ) : schema.isError ? (
        <div className="px-5 pb-5">
          <LoadError error={schema.error} retry={() => void schema.refetch()} />
        </div>
      ) : schema.data.tables.length === 0 ? (
        <Empty icon={Table2} title="No tables known yet" className="pt-2">
          {connection.agent === "online"
            ? "The agent is online. Its schema appears here as soon as it is read; if it stays empty, the role may not see any table."
            : "The schema appears here when the agent has called for the first time."}
        </Empty>
      ) : found.length === 0 ? (
        <p className="px-5 pb-6 text-ink-soft">No table or column is called “{search.trim()}”.</p>
      ) : (
        <ul className="border-t border-line">
          {found.slice(0, MOST_SHOWN).map((table) => (
            <li
              key={`${table.schema}.${table.name}`}
              className="border-b border-line last:border-b-0"
            >
              <TableEntry table={table} words={words} />
            </li>
          ))}
          {found.length > MOST_SHOWN && (
            <li className="px-5 py-3 text-sm text-ink-soft">
              …and {plural(found.length - MOST_SHOWN, "more table", "more tables")}. Search to find
              them.
            </li>
          )}
        </ul>
      )}
    </Card>
  );
}

function matches(table: CatalogTable, words: string): boolean {
  if (!words) return true;
  return (
    `${table.schema ?? ""}.${table.name}`.toLowerCase().includes(words) ||
    table.columns.some((column) => column.name.toLowerCase().includes(words))
  );
}

const kinds = {
  table: "",
  view: "view",
  materialized_view: "materialised view",
  foreign_table: "foreign table",
};

function TableEntry({ table, words }: { table: CatalogTable; words: string }) {
  const byColumn =
    words !== "" && !`${table.schema ?? ""}.${table.name}`.toLowerCase().includes(words);
  return (
    <details open={byColumn || undefined} className="group">
      <summary className="flex list-none items-center gap-3 px-5 py-2.5 outline-offset-[-2px] hover:bg-sunken/70 [&::-webkit-details-marker]:hidden">
        <ChevronRight
          className="size-4 shrink-0 text-ink-faint transition-transform group-open:rotate-90"
          aria-hidden
        />
        {table.kind === "view" || table.kind === "materialized_view" ? (
          <Eye className="size-4 shrink-0 text-ink-soft" aria-hidden />
        ) : (
          <Table2 className="size-4 shrink-0 text-ink-soft" aria-hidden />
        )}
        <span className="min-w-0 flex-1">
          <span className="block truncate font-semibold" title={`${table.schema}.${table.name}`}>
            {table.schema && table.schema !== "public" && (
              <span className="font-normal text-ink-soft">{table.schema}.</span>
            )}
            {table.name}
          </span>
          {table.comment && (
            <span className="block truncate text-sm text-ink-soft" title={table.comment}>
              {table.comment}
            </span>
          )}
        </span>
        <span className="shrink-0 text-sm text-ink-faint tabular-nums max-sm:hidden">
          {[
            kinds[table.kind ?? "table"],
            plural(table.columns.length, "column"),
            typeof table.row_estimate === "number" &&
              `about ${groupDigits(String(table.row_estimate))} rows`,
          ]
            .filter(Boolean)
            .join(" · ")}
        </span>
      </summary>
      <Columns table={table} words={words} />
    </details>
  );
}

function Columns({ table, words }: { table: CatalogTable; words: string }) {
  return (
    <ul className="pb-3 pl-8 text-sm sm:pl-14">
      {table.columns.map((column) => {
        const key = table.foreign_keys?.find(({ columns }) => columns.includes(column.name));
        const values = column.values ?? [];
        return (
          <li key={column.name} className="flex flex-wrap items-center gap-x-3 px-3 py-1">
            <span
              className={`font-mono text-[0.8125rem] break-all ${
                words && column.name.toLowerCase().includes(words)
                  ? "rounded bg-custard-soft px-1"
                  : ""
              }`}
            >
              {column.name}
            </span>
            <span className="text-ink-soft">
              {column.type}
              {!column.nullable && ", required"}
            </span>
            {table.primary_key?.includes(column.name) && (
              <span className="flex items-center gap-1 text-ink-soft">
                <KeyRound className="size-3.5" aria-hidden /> primary key
              </span>
            )}
            {key && (
              <span className="flex items-center gap-1 text-berry">
                <Link2 className="size-3.5" aria-hidden /> {key.table}.{key.references.join(", ")}
              </span>
            )}
            {column.comment && <span className="text-ink-soft">{column.comment}</span>}
            {values.length > 0 && (
              <span className="max-w-full truncate text-ink-faint" title={values.join(", ")}>
                {values.slice(0, 6).join(", ")}
                {values.length > 6 && "…"}
              </span>
            )}
          </li>
        );
      })}
    </ul>
  );
}
