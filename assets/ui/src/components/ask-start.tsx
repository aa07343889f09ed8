// The Ask screen before the first question: what can be asked, or how to get data in.
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { connectionsQuery, filesQuery, samplesQuery, schemaQuery } from "@/api/queries";
import { useAtLeast } from "@/lib/rights";
import { SuggestionButton } from "./answer/answer-card";
import { AddSamples } from "./add-samples";
import { Swirl } from "./logo";
import type { SourceChoice } from "./source-picker";
import { ButtonLink } from "./ui/button";
import { Skeleton } from "./ui/skeleton";

interface AskStartProps {
  sources: SourceChoice;
  ask: (question: string) => void;
  /** The question box. */
  children: ReactNode;
}

export function AskStart({ sources, ask, children }: AskStartProps) {
  const files = useQuery(filesQuery);
  const connections = useQuery(connectionsQuery);
  const samples = useQuery(samplesQuery);
  const loading = files.isPending || connections.isPending || samples.isPending;
  const nothing = files.data?.length === 0 && connections.data?.length === 0;
  const aboutSamples =
    samples.data?.added &&
    (sources.kind === "auto" ||
      (sources.kind === "files" && sources.ids.some((id) => samples.data.file_ids.includes(id))));
  const tables = useTables(sources);
  const mayAdd = useAtLeast("analyst");
  const mayConnect = useAtLeast("admin");

  return (
    <div className="flex min-h-[75dvh] flex-col items-center justify-center py-10 text-center">
      <Swirl className="mb-4 size-14" />
      <h1 className="text-[1.75rem]">What would you like to know?</h1>
      <p className="mt-2 max-w-md text-balance text-ink-soft">
        Ask in your own words. Every answer shows how it was read and the query behind it.
      </p>
      <div className="mt-6 mb-5 w-full max-w-2xl text-left">{children}</div>
      <div className="min-h-24 w-full max-w-2xl">
        {loading ? (
          <Skeleton className="mx-auto h-20 max-w-lg" />
        ) : nothing ? (
          <>
            <p className="text-balance text-ink-soft">
              {mayAdd
                ? `There is no data yet. Add the sample data of a frozen-custard chain${mayConnect ? ", upload a file, or connect a database" : " or upload a file"}.`
                : "There is no data you may ask yet. Ask an analyst, admin or owner to add some or to open a source to you."}
            </p>
            <div className="mt-4 flex flex-wrap justify-center gap-2">
              <AddSamples variant="primary" />
              {mayAdd && <ButtonLink to="/files">Upload a file</ButtonLink>}
              {mayConnect && <ButtonLink to="/connections">Connect a database</ButtonLink>}
            </div>
          </>
        ) : (
          <Suggestions
            questions={aboutSamples ? (samples.data?.questions ?? []) : tables.map(countQuestion)}
            ask={ask}
          />
        )}
      </div>
    </div>
  );
}

function Suggestions({ questions, ask }: { questions: string[]; ask: (question: string) => void }) {
  if (questions.length === 0) return null;
  return (
    <ul aria-label="Suggested questions" className="flex flex-wrap justify-center gap-2">
      {questions.map((question) => (
        <li key={question} className="max-w-full">
          <SuggestionButton question={question} ask={ask} />
        </li>
      ))}
    </ul>
  );
}

/** A first question that any table can answer. */
function countQuestion(table: string): string {
  return `How many ${table.replace(/[_-]+/g, " ")}?`;
}

const MOST_TABLES = 4;

/** Some tables of the chosen sources, the largest first; of all sources while the choice is automatic. */
function useTables(sources: SourceChoice): string[] {
  const files = useQuery(filesQuery).data ?? [];
  const connections = useQuery(connectionsQuery).data ?? [];
  const connection =
    sources.kind === "connection"
      ? sources.id
      : sources.kind === "auto" && files.length === 0
        ? connections.find(({ agent }) => agent === "online")?.id
        : undefined;
  const schema = useQuery({ ...schemaQuery(connection ?? ""), enabled: connection !== undefined });
  const sized = connection
    ? (schema.data?.tables ?? []).map((table) => [table.name, table.row_estimate ?? 0] as const)
    : files
        .filter(({ id }) => sources.kind !== "files" || sources.ids.includes(id))
        .flatMap((file) => file.tables.map((table) => [table.name, table.row_count] as const));
  return [...sized]
    .sort((a, b) => b[1] - a[1])
    .slice(0, MOST_TABLES)
    .map(([name]) => name);
}
