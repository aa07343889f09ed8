// What somebody should know about a connection before asking it, with what to do.
import type { Connection } from "@/api/types";
import { Notice } from "@/components/ui/notice";
import { useAtLeast } from "@/lib/rights";
import { ReaderRole } from "./reader-role";

export function Warnings({ connection }: { connection: Connection }) {
  const mayManage = useAtLeast("admin");
  const offline = connection.agent === "offline";
  return (
    <>
      {connection.key === "revoked" ? (
        <Notice kind="warning" title="The key was revoked">
          {mayManage
            ? "No agent can connect. Make a new key below and start an agent with it."
            : "No agent can connect until an owner or admin makes a new key."}
        </Notice>
      ) : (
        offline &&
        !connection.last_seen_at && (
          <Notice kind="info" title="The agent has not called yet">
            {mayManage
              ? "Start it with the command you got when this connection was made. This page shows it the moment it calls. If the command is lost, make a new key below."
              : "An owner or admin starts it beside the database. This page shows it the moment it calls."}
          </Notice>
        )
      )}
      {connection.message && (
        <Notice
          kind={connection.database === "unreachable" ? "error" : "warning"}
          title={
            connection.database === "unreachable"
              ? "The agent is there but cannot reach the database"
              : "The agent reports"
          }
        >
          {connection.message}
        </Notice>
      )}
      {connection.role_warnings.length > 0 && (
        <Notice kind="warning" title="The agent’s database role could do more than read">
          <ul className="list-disc space-y-0.5 pl-4">
            {connection.role_warnings.map((warning) => (
              <li key={warning}>{warning}</li>
            ))}
          </ul>
          <p className="my-1">
            Queries stay read-only all the same. A role that may only read is safer still.
          </p>
          {mayManage && <ReaderRole kind={connection.db_type} />}
        </Notice>
      )}
    </>
  );
}
