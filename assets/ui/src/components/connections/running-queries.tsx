// The queries that run at a connection's agents right now, each with its stop; nothing while nothing runs.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { LoaderCircle, Square } from "lucide-react";
import { api, finish } from "@/api/client";
import { runningQuery } from "@/api/queries";
import type { Connection, RunningQuery } from "@/api/types";
import { Button } from "@/components/ui/button";
import { Card, CardHead } from "@/components/ui/card";
import { toast } from "@/components/ui/toast";
import { formatDuration, plural } from "@/lib/format";

/** While something runs its rows and time move; while nothing does, the live socket says when to look. */
const WATCH_MS = 1000;

export function RunningQueries({ connection }: { connection: Connection }) {
  const running = useQuery({
    ...runningQuery(connection.id),
    enabled: connection.agent === "online",
    refetchInterval: ({ state }) => (state.data?.length ? WATCH_MS : false),
  });
  const queries = connection.agent === "online" ? (running.data ?? []) : [];
  if (queries.length === 0) return null;
  return (
    <Card aria-labelledby="running" className="animate-fade">
      <CardHead id="running" title={`${plural(queries.length, "query", "queries")} running`} />
      <ul className="divide-y divide-line border-t border-line">
        {queries.map((query) => (
          <RunningItem key={query.id} query={query} connection={connection.id} />
        ))}
      </ul>
    </Card>
  );
}

function RunningItem({ query, connection }: { query: RunningQuery; connection: string }) {
  const client = useQueryClient();
  const stop = useMutation({
    mutationFn: () =>
      finish(api.POST("/api/v1/query/{id}/cancel", { params: { path: { id: query.id } } })),
    onSuccess: () => {
      toast.done("Stopped, down to the database.");
      void client.invalidateQueries({ queryKey: runningQuery(connection).queryKey });
    },
    onError: (error) => toast.error(error),
  });
  return (
    <li className="flex items-center gap-3 px-5 py-3">
      <LoaderCircle className="size-4.5 shrink-0 animate-spin text-custard-strong" aria-hidden />
      <div className="min-w-0 flex-1">
        <p className="line-clamp-2 font-semibold break-words" title={query.question}>
          {query.question}
        </p>
        <p className="truncate text-sm text-ink-soft tabular-nums">
          {query.own ? "you" : query.asked_by} · {formatDuration(query.elapsed_ms)} ·{" "}
          {plural(query.rows, "row")} so far
        </p>
        <code
          className="block truncate font-mono text-xs text-ink-faint"
          title={query.query.slice(0, 2000)}
        >
          {query.query}
        </code>
      </div>
      <Button
        size="small"
        busy={stop.isPending}
        aria-label={`Stop: ${query.question}`}
        onClick={() => stop.mutate()}
      >
        <Square aria-hidden />
        Stop
      </Button>
    </li>
  );
}
