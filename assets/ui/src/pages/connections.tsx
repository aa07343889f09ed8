// Connections: the databases with an agent beside them, and the way to add one.
import { useQuery } from "@tanstack/react-query";
import { Cable, Plus, TriangleAlert } from "lucide-react";
import { useState } from "react";
import { Link, useNavigate } from "react-router";
import { connectionsQuery } from "@/api/queries";
import type { Connection } from "@/api/types";
import { CreateConnection } from "@/components/connections/create";
import { ConnectionState } from "@/components/connections/state";
import { Page } from "@/components/page";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Empty, LoadError } from "@/components/ui/notice";
import { SkeletonRows } from "@/components/ui/skeleton";
import { plural, timeAgo } from "@/lib/format";
import { kindLabel, kindWords } from "@/lib/kinds";
import { useAtLeast } from "@/lib/rights";

export default function Connections() {
  const connections = useQuery(connectionsQuery);
  const navigate = useNavigate();
  const [creating, setCreating] = useState(false);
  const mayManage = useAtLeast("admin");
  const add = mayManage && (
    <Button variant="primary" onClick={() => setCreating(true)}>
      <Plus aria-hidden />
      New connection
    </Button>
  );
  return (
    <Page
      title="Connections"
      note="Databases you can ask, each through an agent that runs beside it."
      action={connections.data && connections.data.length > 0 && add}
    >
      {connections.isPending ? (
        <SkeletonRows count={3} className="h-18" />
      ) : connections.isError ? (
        <LoadError error={connections.error} retry={() => void connections.refetch()} />
      ) : connections.data.length === 0 ? (
        <Card>
          <Empty icon={Cable} title="No connections yet" action={add}>
            {mayManage
              ? "Create one, then start the agent on a machine that reaches the database. The agent dials out to this server: no port is opened there, and the database password stays there."
              : "Databases that an owner or admin connects appear here."}
          </Empty>
        </Card>
      ) : (
        <Card aria-label="Connections">
          <ul className="divide-y divide-line">
            {connections.data.map((connection) => (
              <ConnectionItem key={connection.id} connection={connection} />
            ))}
          </ul>
        </Card>
      )}
      <CreateConnection
        open={creating}
        onOpenChange={setCreating}
        onFinished={(id) => void navigate(`/connections/${id}`)}
      />
    </Page>
  );
}

function ConnectionItem({ connection }: { connection: Connection }) {
  return (
    <li>
      <Link
        to={`/connections/${connection.id}`}
        className="grid grid-cols-[1.25rem_minmax(0,1fr)] items-center gap-x-4 gap-y-1.5 rounded-2xl px-5 py-4 hover:[&_.name]:underline sm:grid-cols-[1.25rem_minmax(0,1fr)_auto]"
      >
        <Cable className="size-5 text-ink-soft" aria-hidden />
        <span className="min-w-0">
          <span className="name block truncate font-semibold" title={connection.name}>
            {connection.name}
          </span>
          <span className="block text-sm text-ink-soft sm:truncate">
            {connection.database_version ?? kindLabel(connection.db_type)}
            {connection.discovered_at &&
              ` · ${plural(connection.table_count, kindWords(connection.db_type).table)}`}
            {connection.agent === "offline" &&
              (connection.last_seen_at
                ? ` · last seen ${timeAgo(connection.last_seen_at)}`
                : " · the agent has not called yet")}
          </span>
        </span>
        <span className="flex flex-wrap gap-2 max-sm:col-start-2">
          {connection.role_warnings.length > 0 && (
            <Badge tone="warn" title={connection.role_warnings.join("\n")}>
              <TriangleAlert aria-hidden />
              Role could write
            </Badge>
          )}
          <ConnectionState connection={connection} />
        </span>
      </Link>
    </li>
  );
}
