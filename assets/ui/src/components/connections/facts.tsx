// What is known about a connection's agent and database.
import type { ReactNode } from "react";
import type { Connection } from "@/api/types";
import { LiveDot } from "@/components/ui/badge";
import { Card } from "@/components/ui/card";
import { plural, timeAgo } from "@/lib/format";
import { kindWords } from "@/lib/kinds";

export function Facts({ connection }: { connection: Connection }) {
  const online = connection.agent === "online";
  return (
    <Card aria-label="State">
      <dl className="grid gap-x-6 gap-y-3 p-5 grid-cols-2 lg:grid-cols-4">
        <Fact
          name="Agent"
          note={
            online
              ? connection.agent_version && `version ${connection.agent_version}`
              : connection.last_seen_at && `last seen ${timeAgo(connection.last_seen_at)}`
          }
        >
          <LiveDot tone={online ? "good" : "plain"} />
          {online ? "Online" : "Offline"}
        </Fact>
        <Fact name="Database" note={connection.database_version}>
          <LiveDot tone={databaseTone(connection)} />
          {databaseWords[connection.database] ?? connection.database}
        </Fact>
        <Fact
          name="Schema"
          note={connection.discovered_at ? `read ${timeAgo(connection.discovered_at)}` : null}
        >
          {connection.discovered_at
            ? plural(connection.table_count, kindWords(connection.db_type).table)
            : "Not known yet"}
        </Fact>
        <Fact name="Key" note={connection.key === "revoked" && "no agent can connect"}>
          <LiveDot tone={connection.key === "active" ? "good" : "bad"} />
          {connection.key === "active" ? "Active" : "Revoked"}
        </Fact>
      </dl>
    </Card>
  );
}

const databaseWords: Record<string, string | undefined> = {
  reachable: "Reachable",
  unreachable: "Unreachable",
  unknown: "Not known",
};

function databaseTone({ database }: Connection) {
  if (database === "reachable") return "good";
  return database === "unreachable" ? "bad" : "plain";
}

function Fact({ name, note, children }: { name: string; note: ReactNode; children: ReactNode }) {
  return (
    <div className="min-h-16 min-w-0">
      <dt className="text-sm text-ink-soft">{name}</dt>
      <dd className="mt-0.5 flex items-center gap-2 font-semibold">{children}</dd>
      {note && (
        <dd
          className="truncate text-sm text-ink-soft"
          title={typeof note === "string" ? note : undefined}
        >
          {note}
        </dd>
      )}
    </div>
  );
}
