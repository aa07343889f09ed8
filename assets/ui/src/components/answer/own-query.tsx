// Where a question could not be read, the query can be written by hand: the same editor, the same checks.
import { useQuery } from "@tanstack/react-query";
import { CodeXml } from "lucide-react";
import { useState } from "react";
import { connectionsQuery } from "@/api/queries";
import type { Answer } from "@/api/types";
import { QueryEditor } from "@/components/query-editor";
import { Button } from "@/components/ui/button";

/** What a query of this language begins with, where that is not obvious. */
const drafts: Record<string, string | undefined> = {
  mongodb: '{\n  "collection": "",\n  "pipeline": []\n}',
};

interface OwnQueryProps {
  answer: Answer;
  run: ((query: string) => void) | null;
}

export function OwnQuery({ answer, run }: OwnQueryProps) {
  const [open, setOpen] = useState(false);
  const connections = useQuery(connectionsQuery).data ?? [];
  const source = answer.sources[0];
  if (answer.sources.length !== 1 || !source) return null;
  const kind = connections.find(({ id }) => id === source.id)?.db_type;
  const dialect = answer.dialect ?? (source.kind === "file" ? "datafusion" : kind?.toLowerCase());
  if (!dialect) return null;
  return (
    <div className="mt-3">
      {open ? (
        <QueryEditor
          query=""
          draft={drafts[dialect]}
          dialect={dialect}
          sources={answer.sources}
          onRun={run}
        />
      ) : (
        <Button size="small" onClick={() => setOpen(true)}>
          <CodeXml aria-hidden />
          Write the query yourself
        </Button>
      )}
    </div>
  );
}
