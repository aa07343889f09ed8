import { describe, expect, it } from "vitest";
import type { CatalogTable } from "@/api/types";
import { findTables, inOrder, schemaRows, tableKey } from "./schema-rows";

function table(name: string, columns: string[], comment?: string): CatalogTable {
  return {
    schema: "public",
    name,
    comment: comment ?? null,
    columns: columns.map((column) => ({ name: column, type: "text", kind: "text" })),
  } as CatalogTable;
}

const orders = table("orders", ["id", "customer_id", "total"], "One row per sale");
const customers = table("customers", ["id", "email"]);
const visits = table("visits", [
  "_id",
  "address",
  "address.city",
  "address.geo",
  "address.geo.lat",
]);
const all = [orders, customers, visits];

it("orders tables as people look for them", () => {
  const tables = ["log_10", "log_2", "Accounts"].map((name) => table(name, []));
  const archived = { ...table("accounts", []), schema: "archive" };
  expect(inOrder([archived, ...tables]).map(({ schema, name }) => `${schema}.${name}`)).toEqual([
    "public.Accounts",
    "public.log_2",
    "public.log_10",
    "archive.accounts",
  ]);
});

describe("findTables", () => {
  it("lists everything while nothing is searched", () => {
    expect(findTables(all, "  ").map(({ table }) => table.name)).toEqual([
      "orders",
      "customers",
      "visits",
    ]);
  });

  it("finds by name, comment and column, those by name first", () => {
    const found = findTables(all, "Customer");
    expect(found.map(({ table }) => table.name)).toEqual(["customers", "orders"]);
    expect(found[0]?.columns).toBeNull();
    expect(found[1]?.columns?.map(({ name }) => name)).toEqual(["customer_id"]);
    expect(findTables(all, "sale")[0]?.table).toBe(orders);
  });

  it("wants every word, in the table or its column", () => {
    expect(findTables(all, "orders total")[0]?.columns?.map(({ name }) => name)).toEqual(["total"]);
    expect(findTables(all, "orders email")).toEqual([]);
  });
});

describe("schemaRows", () => {
  it("shows the columns of unfolded tables only", () => {
    const rows = schemaRows(findTables(all, ""), new Set([tableKey(customers)]));
    expect(rows.map(({ kind }) => kind)).toEqual(["table", "table", "column", "column", "table"]);
  });

  it("unfolds a table to the columns it was found by, and says how many more there are", () => {
    const rows = schemaRows(findTables(all, "email"), new Set());
    expect(rows.map(({ kind }) => kind)).toEqual(["table", "column", "rest"]);
    expect(rows[2]).toMatchObject({ count: 1 });
  });

  it("lays nested fields inside the field they belong to", () => {
    const rows = schemaRows([{ table: visits, columns: null }], new Set([tableKey(visits)]));
    expect(rows.flatMap((row) => (row.kind === "column" ? [[row.depth, row.name]] : []))).toEqual([
      [0, "_id"],
      [0, "address"],
      [1, "city"],
      [1, "geo"],
      [2, "lat"],
    ]);
  });
});
