// The query behind an answer: shown, copied, edited and run again.
import { useQuery } from "@tanstack/react-query";
import { Play, RotateCcw } from "lucide-react";
import { lazy, Suspense, useMemo, useState } from "react";
import { filesQuery, schemaQuery } from "@/api/queries";
import type { AnswerSource } from "@/api/types";
import { layOutJson } from "@/lib/json-text";
import { kindLabel } from "@/lib/kinds";
import { Button } from "./ui/button";
import { fileIds } from "./source-picker";
import { CopyButton } from "./ui/copy-button";

const CodeEditor = lazy(() => import("./code-editor"));

interface QueryEditorProps {
  /** The query that ran; empty where somebody writes the first one. */
  query: string;
  /** What the editor holds at first, where that is not the query. */
  draft?: string;
  dialect: string | null;
  sources: readonly AnswerSource[];
  /** Absent while another query of the conversation is running. */
  onRun: ((query: string) => void) | null;
}

export function QueryEditor({ query: made, draft, dialect, sources, onRun }: QueryEditorProps) {
  const query = useMemo(() => (dialect === "mongodb" ? layOutJson(made) : made), [made, dialect]);
  const [text, setText] = useState(draft ?? query);
  const schema = useNames(sources);
  const edited = text.trim() !== query.trim();
  const run = () => {
    if (onRun && text.trim()) onRun(text.trim());
  };

  return (
    <div>
      <div className="overflow-hidden rounded-xl border border-line bg-sunken/60 focus-within:border-berry">
        <Suspense
          fallback={
            <pre className="px-3.5 py-3 font-mono text-[0.84rem] leading-[1.6] whitespace-pre-wrap">
              {text}
            </pre>
          }
        >
          <CodeEditor
            value={text}
            dialect={dialect ?? ""}
            label="Query"
            schema={schema}
            onChange={setText}
            onRun={run}
          />
        </Suspense>
      </div>
      <div className="mt-2 flex flex-wrap items-center gap-2">
        <Button
          size="small"
          variant={edited ? "primary" : "secondary"}
          disabled={!onRun || !text.trim()}
          onClick={run}
        >
          <Play aria-hidden />
          {!query ? "Run the query" : edited ? "Run the edited query" : "Run again"}
        </Button>
        <Button
          size="small"
          variant="ghost"
          disabled={!edited}
          onClick={() => setText(draft ?? query)}
        >
          <RotateCcw aria-hidden />
          Reset
        </Button>
        <CopyButton text={() => text} label="Copy query" />
        <p className="ml-auto text-xs text-ink-faint max-sm:hidden">
          {dialectName(dialect)} · read-only, checked before it runs
        </p>
      </div>
    </div>
  );
}

function dialectName(dialect: string | null): string {
  if (dialect === "datafusion") return "SQL over files (DataFusion)";
  return dialect ? kindLabel(dialect.toUpperCase()) : "Query";
}

/** Table and column names for completion, of the sources the answer came from. */
function useNames(sources: readonly AnswerSource[]): Record<string, string[]> {
  const files = useQuery({
    ...filesQuery,
    enabled: sources.some((source) => source.kind === "file"),
  });
  const connection = sources.find((source) => source.kind === "connection")?.id;
  const catalog = useQuery({ ...schemaQuery(connection ?? ""), enabled: connection !== undefined });
  return useMemo(() => {
    const names: Record<string, string[]> = {};
    const ids = new Set(fileIds(sources));
    for (const file of files.data ?? [])
      if (ids.has(file.id))
        for (const table of file.tables) names[table.name] = table.columns.map((c) => c.name);
    for (const table of catalog.data?.tables ?? [])
      names[table.name] = table.columns.map((column) => column.name);
    return names;
  }, [sources, files.data, catalog.data]);
}
