// The two live facts of a connection in words: is its agent online, does the agent reach the database.
import type { Connection } from "@/api/types";
import { Badge, LiveDot } from "@/components/ui/badge";

export function ConnectionState({ connection }: { connection: Connection }) {
  if (connection.agent === "offline")
    return (
      <Badge>
        <LiveDot tone="plain" />
        {connection.last_seen_at ? "Offline" : "Waiting for agent"}
      </Badge>
    );
  if (connection.database === "unreachable")
    return (
      <Badge tone="bad">
        <LiveDot tone="bad" />
        Database unreachable
      </Badge>
    );
  return (
    <Badge tone="good">
      <LiveDot tone="good" />
      Online
    </Badge>
  );
}
