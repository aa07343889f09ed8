// The schema of a database: a search, and a virtual tree of its tables and columns.
import { useQuery } from "@tanstack/react-query";
import { Search, Table2 } from "lucide-react";
import { useDeferredValue, useMemo, useState, type ReactNode } from "react";
import { schemaQuery } from "@/api/queries";
import type { Connection } from "@/api/types";
import { Card, CardHead } from "@/components/ui/card";
import { Input } from "@/components/ui/field";
import { Empty, LoadError } from "@/components/ui/notice";
import { SkeletonRows } from "@/components/ui/skeleton";
import { plural } from "@/lib/format";
import { kindWords } from "@/lib/kinds";
import { findTables, inOrder } from "@/lib/schema-rows";
import { SchemaTree } from "./schema-tree";

interface SchemaBrowserProps {
  connection: Connection;
  /** Reads the schema again. */
  action?: ReactNode;
}

export function SchemaBrowser({ connection, action }: SchemaBrowserProps) {
  const schema = useQuery(schemaQuery(connection.id));
  const words = kindWords(connection.db_type);
  const searchLabel = `Search ${words.table}s and ${words.column}s`;
  const [search, setSearch] = useState("");
  const sought = useDeferredValue(search.trim());
  const tables = useMemo(() => inOrder(schema.data?.tables ?? []), [schema.data]);
  const found = useMemo(() => findTables(tables, sought), [tables, sought]);

  return (
    <Card aria-labelledby="schema">
      <CardHead
        id="schema"
        title="Schema"
        note={
          schema.data?.discovered_at ? summary(found.length, tables.length, words.table) : undefined
        }
        action={
          <div className="flex w-full items-center gap-2 sm:w-auto">
            {tables.length > 0 && (
              <div className="relative min-w-0 flex-1 sm:w-72">
                <Search
                  className="pointer-events-none absolute top-2.5 left-3 size-4 text-ink-faint"
                  aria-hidden
                />
                <Input
                  type="search"
                  className="pl-9"
                  aria-label={searchLabel}
                  placeholder={searchLabel}
                  value={search}
                  onChange={(event) => setSearch(event.target.value)}
                />
              </div>
            )}
            {action}
          </div>
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
        <Empty icon={Table2} title={`No ${words.table}s known yet`} className="pt-2">
          {connection.agent === "online"
            ? "The agent is online. The schema appears here as soon as it is read; if it stays empty, the role may not see any of it."
            : "The schema appears here when the agent has called for the first time."}
        </Empty>
      ) : found.length === 0 ? (
        <p role="status" className="border-t border-line px-5 py-6 text-ink-soft">
          No {words.table} or {words.column} matches “{sought}”.
        </p>
      ) : (
        <SchemaTree key={sought} found={found} sought={sought} words={words} />
      )}
    </Card>
  );
}

function summary(found: number, all: number, word: string): string {
  return found === all
    ? plural(all, word)
    : `${found.toLocaleString("en")} of ${plural(all, word)}`;
}
