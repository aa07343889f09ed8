// The agents of a connection that are connected right now: where they run, what they reach, what they allow.
import { useQuery } from "@tanstack/react-query";
import { ChevronRight, Server } from "lucide-react";
import { connectionStatusQuery } from "@/api/queries";
import type { Agent, Connection, Policy } from "@/api/types";
import { Badge, LiveDot } from "@/components/ui/badge";
import { Card, CardHead } from "@/components/ui/card";
import { LoadError, Notice } from "@/components/ui/notice";
import { Skeleton } from "@/components/ui/skeleton";
import { formatBytes, formatDuration, groupDigits, plural, timeAgo } from "@/lib/format";

/** A clock that is further off than this makes times hard to compare. */
const SKEW_MS = 30_000;

export function Agents({ connection }: { connection: Connection }) {
  const status = useQuery({ ...connectionStatusQuery(connection.id), refetchInterval: 15_000 });
  if (connection.agent === "offline") return null;
  const agents = status.data?.agents ?? [];
  return (
    <Card aria-labelledby="agents">
      <CardHead
        id="agents"
        title={agents.length > 1 ? `${agents.length} agents` : "Agent"}
        note={
          agents.length > 1
            ? "A question goes to the least busy one that reaches the database."
            : undefined
        }
      />
      {status.isError ? (
        <div className="px-5 pb-5">
          <LoadError error={status.error} retry={() => void status.refetch()} />
        </div>
      ) : agents.length === 0 ? (
        <div className="px-5 pb-5">
          <Skeleton className="h-16" />
        </div>
      ) : (
        <ul className="divide-y divide-line border-t border-line">
          {agents.map((agent) => (
            <AgentItem key={agent.id} agent={agent} known={connection.role_warnings} />
          ))}
        </ul>
      )}
    </Card>
  );
}

interface AgentItemProps {
  agent: Agent;
  /** Warnings that the page shows already. */
  known: readonly string[];
}

function AgentItem({ agent, known }: AgentItemProps) {
  const warnings = agent.role_warnings.filter((warning) => !known.includes(warning));
  const facts = [
    `version ${agent.version}`,
    `connected ${timeAgo(agent.connected_at)}`,
    `heard ${timeAgo(agent.last_seen_at)}`,
    agent.running > 0 && `${plural(agent.running, "task")} running`,
  ].filter(Boolean);
  return (
    <li className="px-5 py-3">
      <div className="flex items-start gap-3">
        <Server className="mt-0.5 size-4.5 shrink-0 text-ink-soft" aria-hidden />
        <div className="min-w-0 flex-1">
          <p className="truncate font-semibold" title={agent.host ?? undefined}>
            {agent.host ?? "Unnamed machine"}
          </p>
          <p className="text-sm text-ink-soft">{facts.join(" · ")}</p>
        </div>
        <AgentState agent={agent} />
      </div>
      <div className="mt-1 space-y-2 sm:pl-7.5">
        {agent.database === "unreachable" && agent.message && (
          <Notice kind="error">{agent.message}</Notice>
        )}
        {warnings.length > 0 && (
          <Notice kind="warning" title="Its database role could do more than read">
            <ul className="list-disc space-y-0.5 pl-4">
              {warnings.map((warning) => (
                <li key={warning}>{warning}</li>
              ))}
            </ul>
          </Notice>
        )}
        {Math.abs(agent.clock_skew_ms ?? 0) > SKEW_MS && (
          <Notice kind="warning">
            Its clock is {formatDuration(Math.abs(agent.clock_skew_ms ?? 0))}{" "}
            {(agent.clock_skew_ms ?? 0) > 0 ? "ahead of" : "behind"} this server’s. Answers stay
            right, but times in its log do not match.
          </Notice>
        )}
        {agent.policy && <PolicyInForce policy={agent.policy} />}
      </div>
    </li>
  );
}

function AgentState({ agent }: { agent: Agent }) {
  if (agent.draining)
    return (
      <Badge tone="warn" title="It finishes what runs and takes nothing new">
        Stopping
      </Badge>
    );
  if (agent.database === "reachable")
    return (
      <Badge tone="good">
        <LiveDot tone="good" />
        Ready
      </Badge>
    );
  return (
    <Badge tone={agent.database === "unreachable" ? "bad" : "plain"}>
      <LiveDot tone={agent.database === "unreachable" ? "bad" : "plain"} />
      {agent.database === "unreachable" ? "No database" : "Looking for its database"}
    </Badge>
  );
}

function PolicyInForce({ policy }: { policy: Policy }) {
  const rules = rulesOf(policy);
  return (
    <details className="group text-sm">
      <summary className="inline-flex list-none items-center gap-1.5 rounded-md text-ink-soft hover:text-ink [&::-webkit-details-marker]:hidden">
        <ChevronRight
          className="size-4 shrink-0 transition-transform group-open:rotate-90"
          aria-hidden
        />
        <span>
          <span className="font-semibold">Policy in force:</span>{" "}
          {rules.length === 0 ? "limits only" : "limits, tables and columns"}
        </span>
      </summary>
      <ul className="mt-1.5 list-disc space-y-0.5 pl-9 text-ink-soft">
        <li>
          A query gives at most {groupDigits(String(policy.max_rows))} rows or{" "}
          {formatBytes(policy.max_bytes)}, within {formatDuration(policy.max_time_ms)}.
        </li>
        <li>
          {policy.value_hints
            ? "Frequent values of columns are sent with the schema."
            : "No values of columns are sent with the schema."}
        </li>
        {rules.map((rule) => (
          <li key={rule} className="break-words">
            {rule}
          </li>
        ))}
      </ul>
      <p className="mt-1.5 pl-5.5 text-ink-soft">
        Set where the agent runs. It holds whatever this server asks.
      </p>
    </details>
  );
}

/** The rules as sentences; the agent tells how many there are, not the names they keep away. */
function rulesOf(policy: Policy): string[] {
  const { allowed_tables = 0, denied_tables = 0, hidden_columns = 0, masked_columns = 0 } = policy;
  return [
    allowed_tables > 0 && `Only tables that are allowed (${plural(allowed_tables, "rule")}).`,
    denied_tables > 0 && `Some tables are denied (${plural(denied_tables, "rule")}).`,
    hidden_columns > 0 &&
      `Some columns are hidden, as if they did not exist (${plural(hidden_columns, "rule")}).`,
    masked_columns > 0 &&
      `Some columns are masked: their values leave in another form (${plural(masked_columns, "rule")}).`,
  ].filter((rule) => rule !== false);
}
