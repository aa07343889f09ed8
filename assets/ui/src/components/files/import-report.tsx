// What the import decided about each column and which rows were odd; types and names can be overridden here.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, unwrap } from "@/api/client";
import { fileQuery, reportQuery } from "@/api/queries";
import type { ColumnPatch, DataFile, ImportReport } from "@/api/types";
import { Button } from "@/components/ui/button";
import { Input, Select } from "@/components/ui/field";
import { LoadError, Notice } from "@/components/ui/notice";
import { SkeletonRows } from "@/components/ui/skeleton";
import { toast } from "@/components/ui/toast";
import { groupDigits, plural } from "@/lib/format";
import { useAtLeast } from "@/lib/rights";
import { OddRows } from "./odd-rows";

const TYPES = ["text", "integer", "decimal", "float", "boolean", "date", "timestamp"];

type Column = ImportReport["columns"][number];
type Changes = Record<string, { rename?: string; type?: string }>;

export function Report({ file, table }: { file: DataFile; table: string }) {
  const report = useQuery(reportQuery(file.id, table));
  if (report.isPending)
    return (
      <div className="mt-4">
        <SkeletonRows count={5} />
      </div>
    );
  if (report.isError)
    return (
      <div className="mt-4">
        <LoadError error={report.error} retry={() => void report.refetch()} />
      </div>
    );
  return <ReportBody file={file} report={report.data} />;
}

function ReportBody({ file, report }: { file: DataFile; report: ImportReport }) {
  const client = useQueryClient();
  const mayChange = useAtLeast("analyst");
  const [changes, setChanges] = useState<Changes>({});
  const patches = toPatches(report.columns, changes);
  const apply = useMutation({
    mutationFn: () =>
      unwrap(
        api.PATCH("/api/v1/files/{id}", {
          params: { path: { id: file.id } },
          body: { tables: [{ name: report.table, columns: patches }] },
        }),
      ),
    onSuccess: async (changed) => {
      client.setQueryData(fileQuery(file.id).queryKey, changed);
      await client.invalidateQueries({ queryKey: ["files"] });
      setChanges({});
      toast.done("The file was imported again with your changes.");
    },
  });

  function change(name: string, part: { rename?: string; type?: string }) {
    setChanges((all) => ({ ...all, [name]: { ...all[name], ...part } }));
  }

  return (
    <div className="mt-4 space-y-5">
      <p className="text-sm text-ink-soft">{readAs(report)}</p>
      <OddRows report={report} />
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (patches.length > 0) apply.mutate();
        }}
      >
        <ul className="divide-y divide-line rounded-xl border border-line">
          {report.columns.map((column) => (
            <ColumnRow
              key={column.name}
              column={column}
              rename={changes[column.name]?.rename ?? column.name}
              type={changes[column.name]?.type ?? column.type}
              fixed={!mayChange}
              onChange={(part) => change(column.name, part)}
            />
          ))}
        </ul>
        {apply.isError && (
          <Notice kind="error" className="mt-3">
            {apply.error.message}
          </Notice>
        )}
        {mayChange && (
          <div className="mt-3 flex flex-wrap items-center gap-2">
            <Button
              type="submit"
              variant="primary"
              disabled={patches.length === 0}
              busy={apply.isPending}
            >
              Import again with the changes
            </Button>
            <Button
              variant="ghost"
              disabled={patches.length === 0 || apply.isPending}
              onClick={() => setChanges({})}
            >
              Discard
            </Button>
            <span className="text-sm text-ink-soft">
              {patches.length > 0
                ? `${plural(patches.length, "column")} changed`
                : "Change a name or a type to import the kept original again."}
            </span>
          </div>
        )}
      </form>
    </div>
  );
}

interface ColumnRowProps {
  column: Column;
  rename: string;
  type: string;
  /** Shown, not to be changed. */
  fixed: boolean;
  onChange: (part: { rename?: string; type?: string }) => void;
}

function ColumnRow({ column, rename, type, fixed, onChange }: ColumnRowProps) {
  const types = TYPES.includes(column.type) ? TYPES : [column.type, ...TYPES];
  return (
    <li className="grid items-start gap-x-4 gap-y-2 p-3 sm:grid-cols-[12rem_9rem_minmax(0,1fr)]">
      <Input
        aria-label={`Name of the column ${column.name}`}
        value={rename}
        readOnly={fixed}
        required
        maxLength={200}
        onChange={(event) => onChange({ rename: event.target.value })}
      />
      <Select
        aria-label={`Type of the column ${column.name}`}
        value={type}
        disabled={fixed}
        onChange={(event) => onChange({ type: event.target.value })}
      >
        {types.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </Select>
      <div className="min-w-0 text-sm text-ink-soft sm:pt-1.5">
        <p className="break-words">
          {column.decided}
          {column.nulls > 0 && ` ${groupDigits(String(column.nulls))} empty.`}
          {column.original_name !== column.name &&
            (column.original_name.trim()
              ? ` In the file: “${column.original_name}”.`
              : " The file gives it no name.")}
        </p>
        {column.unparsed.length > 0 && (
          <details className="mt-1">
            <summary className="text-warn">
              {plural(column.unparsed.length, "value")} did not fit
            </summary>
            <ul className="mt-1 space-y-0.5 tabular-nums">
              {column.unparsed.map(({ line, text }, index) => (
                <li key={index} className="truncate" title={text}>
                  line {groupDigits(String(line))}: “{text}”
                </li>
              ))}
            </ul>
          </details>
        )}
      </div>
    </li>
  );
}

function toPatches(columns: readonly Column[], changes: Changes): ColumnPatch[] {
  return columns.flatMap((column) => {
    const { rename, type } = changes[column.name] ?? {};
    const patch: ColumnPatch = { name: column.name };
    if (rename !== undefined && rename.trim() && rename.trim() !== column.name)
      patch.rename = rename.trim();
    if (type !== undefined && type !== column.type) patch.type = type;
    return patch.rename || patch.type ? [patch] : [];
  });
}

const delimiters: Record<string, string> = {
  ",": "comma",
  ";": "semicolon",
  "\t": "tab",
  "|": "bar",
};

function readAs({ encoding, delimiter, quote, header, row_count }: ImportReport): string {
  const parts = [
    encoding && `Read as ${encoding}`,
    delimiter && `fields separated by ${delimiters[delimiter] ?? delimiter}`,
    quote && `quoted with ${quote}`,
    delimiter && (header ? "first row is the header" : "no header row"),
  ].filter(Boolean);
  const read = parts.length > 0 ? `${parts.join(", ")}. ` : "";
  return `${read}${plural(row_count, "row")} imported; every row was looked at to choose the types.`;
}
