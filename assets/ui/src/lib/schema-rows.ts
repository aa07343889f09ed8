// The schema as one flat list of rows for a virtual tree: tables, and the columns of those that are unfolded.
import type { CatalogTable } from "@/api/types";

export type CatalogColumn = CatalogTable["columns"][number];

export type SchemaRow =
  | { kind: "table"; key: string; table: CatalogTable; open: boolean }
  | {
      kind: "column";
      key: string;
      table: CatalogTable;
      column: CatalogColumn;
      last: boolean;
      /** How deep the field lies inside another one of the list (documents only). */
      depth: number;
      /** The name without the field it lies in. */
      name: string;
    }
  /** Columns of a table that was found by some of its columns only. */
  | { kind: "rest"; key: string; table: CatalogTable; count: number };

export function tableKey(table: CatalogTable): string {
  return JSON.stringify([table.schema ?? "", table.name]);
}

export function fullName(table: CatalogTable): string {
  return table.schema ? `${table.schema}.${table.name}` : table.name;
}

const natural = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** The tables as people look for them: the usual schema first, and table_2 before table_10. */
export function inOrder(tables: readonly CatalogTable[]): CatalogTable[] {
  const usual = ({ schema }: CatalogTable) => (!schema || schema === "public" ? 0 : 1);
  return [...tables].sort(
    (a, b) =>
      usual(a) - usual(b) ||
      natural.compare(a.schema ?? "", b.schema ?? "") ||
      natural.compare(a.name, b.name),
  );
}

export interface Found {
  table: CatalogTable;
  /** The columns that match, where the table's own name does not; else null. */
  columns: readonly CatalogColumn[] | null;
}

/** The tables whose name, comment or columns hold every word that was typed; those found by name come first. */
export function findTables(tables: readonly CatalogTable[], search: string): Found[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return tables.map((table) => ({ table, columns: null }));
  const holds = (text: string) => {
    const lower = text.toLowerCase();
    return words.every((word) => lower.includes(word));
  };
  const named: Found[] = [];
  const byColumn: Found[] = [];
  for (const table of tables) {
    const title = `${fullName(table)} ${table.comment ?? ""}`;
    if (holds(title)) {
      named.push({ table, columns: null });
      continue;
    }
    const columns = table.columns.filter((column) =>
      holds(`${title} ${column.name} ${column.comment ?? ""}`),
    );
    if (columns.length > 0) byColumn.push({ table, columns });
  }
  return [...named, ...byColumn];
}

/** The rows to show. A table found by its columns is unfolded to them; `toggled` holds what somebody has changed by hand. */
export function schemaRows(found: readonly Found[], toggled: ReadonlySet<string>): SchemaRow[] {
  const rows: SchemaRow[] = [];
  for (const { table, columns } of found) {
    const key = tableKey(table);
    const all = toggled.has(key);
    const open = all || columns !== null;
    rows.push({ kind: "table", key, table, open });
    if (!open) continue;
    const shown = all || !columns ? table.columns : columns;
    const names = new Set(shown.map(({ name }) => name));
    shown.forEach((column, place) => {
      const { depth, name } = nesting(column.name, names);
      const last = place === shown.length - 1;
      rows.push({ kind: "column", key: `${key}/${place}`, table, column, last, depth, name });
    });
    const left = table.columns.length - shown.length;
    if (left > 0) rows.push({ kind: "rest", key: `${key}/rest`, table, count: left });
  }
  return rows;
}

/** A dotted path is shown inside the field it belongs to, when that field is in the list as well. */
function nesting(path: string, names: ReadonlySet<string>): { depth: number; name: string } {
  let depth = 0;
  let from = 0;
  for (let dot = path.indexOf("."); dot >= 0; dot = path.indexOf(".", dot + 1)) {
    const parent = path.slice(0, dot);
    if (!names.has(parent) && !names.has(parent.replace(/\[\]$/, ""))) continue;
    depth += 1;
    from = dot + 1;
  }
  return { depth, name: path.slice(from) };
}
