// What came of testing a connection: whether it works, and how long each agent and its database took.
import { CircleCheck, CircleX } from "lucide-react";
import type { ConnectionTest } from "@/api/types";
import { Notice } from "@/components/ui/notice";

export function TestResult({ test }: { test: ConnectionTest }) {
  return (
    <Notice
      kind={test.ok ? "good" : "error"}
      title={test.ok ? "The connection works" : "The connection does not work"}
    >
      <p>{test.message}</p>
      <ul className="mt-1 space-y-0.5">
        {test.agents.map((agent) => (
          <li key={agent.agent_id} className="flex items-start gap-2">
            {agent.ok ? (
              <CircleCheck className="mt-0.5 size-4 shrink-0 text-good" aria-label="Works" />
            ) : (
              <CircleX className="mt-0.5 size-4 shrink-0 text-bad" aria-label="Failed" />
            )}
            <span className="min-w-0 break-words tabular-nums">
              {agent.host ?? "Agent"}
              {typeof agent.agent_ms === "number" && ` · agent ${milliseconds(agent.agent_ms)}`}
              {typeof agent.database_ms === "number" &&
                ` · database ${milliseconds(agent.database_ms)}`}
              {agent.message && agent.message !== test.message && ` · ${agent.message}`}
            </span>
          </li>
        ))}
      </ul>
    </Notice>
  );
}

/** Short times with a digit after the point: it is there that they differ. */
function milliseconds(time: number): string {
  return time < 100 ? `${time.toFixed(1)} ms` : `${Math.round(time)} ms`;
}
