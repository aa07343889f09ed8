// One connection: its live state, warnings about its role, its schema, and what can be done with it.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { KeyRound, Pencil, RefreshCw, Trash2 } from "lucide-react";
import { useState } from "react";
import { useNavigate, useParams } from "react-router";
import { api, finish, unwrap } from "@/api/client";
import { connectionQuery } from "@/api/queries";
import type { Connection, ConnectionCreated } from "@/api/types";
import { AgentCommand } from "@/components/connections/agent-command";
import { Facts } from "@/components/connections/facts";
import { RenameConnection } from "@/components/connections/rename";
import { SchemaBrowser } from "@/components/connections/schema-browser";
import { ConnectionState } from "@/components/connections/state";
import { Page } from "@/components/page";
import { Button, ButtonLink } from "@/components/ui/button";
import { Confirm, Dialog } from "@/components/ui/dialog";
import { LoadError, Notice } from "@/components/ui/notice";
import { Skeleton } from "@/components/ui/skeleton";
import { toast } from "@/components/ui/toast";

export default function ConnectionDetail() {
  const { id = "" } = useParams();
  const connection = useQuery(connectionQuery(id));
  if (connection.isError)
    return (
      <Page title="Connection">
        <LoadError error={connection.error} retry={() => void connection.refetch()} />
      </Page>
    );
  if (connection.isPending)
    return (
      <Page title="Connection" heading={<Skeleton className="h-9 w-64" />}>
        <Skeleton className="mb-5 h-36" />
        <Skeleton className="h-80" />
      </Page>
    );
  return <Detail connection={connection.data} />;
}

function Detail({ connection }: { connection: Connection }) {
  const { id } = connection;
  const online = connection.agent === "online";
  const [made, setMade] = useState<ConnectionCreated | null>(null);
  const [renaming, setRenaming] = useState(false);
  const client = useQueryClient();
  const navigate = useNavigate();

  const refresh = useMutation({
    mutationFn: () =>
      unwrap(api.POST("/api/v1/connections/{id}/refresh-schema", { params: { path: { id } } })),
    onSuccess: () => toast.done("The agent is reading the schema again."),
    onError: (error) => toast.error(error),
  });

  async function rotate() {
    setMade(
      await unwrap(api.POST("/api/v1/connections/{id}/rotate-key", { params: { path: { id } } })),
    );
    void client.invalidateQueries({ queryKey: ["connections"] });
  }

  async function remove() {
    await finish(api.DELETE("/api/v1/connections/{id}", { params: { path: { id } } }));
    await navigate("/connections");
    client.removeQueries({ queryKey: ["connections", id] });
    void client.invalidateQueries({ queryKey: ["connections"], exact: true });
    toast.done(`${connection.name} was deleted.`);
  }

  return (
    <Page
      title={connection.name}
      heading={
        <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
          {connection.name}
          <Button
            variant="ghost"
            size="icon-small"
            aria-label="Rename"
            title="Rename"
            onClick={() => setRenaming(true)}
          >
            <Pencil aria-hidden />
          </Button>
          <ConnectionState connection={connection} />
        </span>
      }
      action={
        <ButtonLink to={`/ask?connection=${encodeURIComponent(id)}`} variant="primary">
          Ask this database
        </ButtonLink>
      }
    >
      <div className="space-y-5">
        <Warnings connection={connection} />
        <Facts connection={connection} />
        <SchemaBrowser connection={connection} />
        <div className="flex flex-wrap gap-2">
          <Button
            disabled={!online}
            busy={refresh.isPending}
            title={online ? undefined : "The agent has to be online for this"}
            onClick={() => refresh.mutate()}
          >
            <RefreshCw aria-hidden />
            Read the schema again
          </Button>
          <Confirm
            trigger={(open) => (
              <Button onClick={open}>
                <KeyRound aria-hidden />
                New key
              </Button>
            )}
            title="Make a new key?"
            confirm="Make a new key"
            onConfirm={rotate}
          >
            The present key stops working at once, and an agent that uses it is disconnected until
            it is started with the new one.
          </Confirm>
          <Confirm
            trigger={(open) => (
              <Button variant="danger" onClick={open}>
                <Trash2 aria-hidden />
                Delete
              </Button>
            )}
            title="Delete this connection?"
            confirm="Delete"
            onConfirm={remove}
          >
            <span className="font-semibold break-words text-ink">{connection.name}</span>, its key
            and its schema are deleted here. The database itself is not touched.
          </Confirm>
        </div>
      </div>
      <RenameConnection
        key={connection.name}
        connection={connection}
        open={renaming}
        onOpenChange={setRenaming}
      />
      <Dialog
        open={made !== null}
        onOpenChange={() => setMade(null)}
        sticky
        wide
        title="Start the agent with the new key"
        description="Agents with the old key are cut off already."
      >
        {made && <AgentCommand made={made} />}
        <div className="mt-5 flex justify-end">
          <Button variant="primary" onClick={() => setMade(null)}>
            I have copied it
          </Button>
        </div>
      </Dialog>
    </Page>
  );
}

function Warnings({ connection }: { connection: Connection }) {
  return (
    <>
      {connection.agent === "offline" && !connection.last_seen_at && (
        <Notice kind="info" title="The agent has not called yet">
          Start it with the command you got when this connection was made. This page shows it the
          moment it calls. If the command is lost, make a new key below.
        </Notice>
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
          <p className="mt-1">
            Queries stay read-only all the same. A role with SELECT only is safer still.
          </p>
        </Notice>
      )}
    </>
  );
}
