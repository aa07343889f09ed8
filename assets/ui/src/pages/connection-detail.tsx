// One connection: its live state and agents, what runs at them, its schema, its key.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Pencil, RefreshCw, Stethoscope } from "lucide-react";
import { useState } from "react";
import { useParams } from "react-router";
import { api, unwrap } from "@/api/client";
import { connectionQuery } from "@/api/queries";
import type { Connection } from "@/api/types";
import { SourceAccess } from "@/components/access/access-dialog";
import { Agents } from "@/components/connections/agents";
import { Facts } from "@/components/connections/facts";
import { KeyCard } from "@/components/connections/key-card";
import { RenameConnection } from "@/components/connections/rename";
import { RunningQueries } from "@/components/connections/running-queries";
import { SchemaBrowser } from "@/components/connections/schema-browser";
import { ConnectionState } from "@/components/connections/state";
import { TestResult } from "@/components/connections/test-result";
import { Warnings } from "@/components/connections/warnings";
import { Page } from "@/components/page";
import { Button, ButtonLink } from "@/components/ui/button";
import { LoadError, Notice } from "@/components/ui/notice";
import { Skeleton } from "@/components/ui/skeleton";
import { toast } from "@/components/ui/toast";
import { timeAgo } from "@/lib/format";
import { kindLabel } from "@/lib/kinds";
import { useAtLeast } from "@/lib/rights";

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
  const offlineTitle = online ? undefined : "The agent has to be online for this";
  const [renaming, setRenaming] = useState(false);
  const mayManage = useAtLeast("admin");
  const client = useQueryClient();

  const test = useMutation({
    mutationFn: () =>
      unwrap(api.POST("/api/v1/connections/{id}/test", { params: { path: { id } } })),
    onSuccess: () => void client.invalidateQueries({ queryKey: ["connections", id, "status"] }),
  });
  const refresh = useMutation({
    mutationFn: () =>
      unwrap(api.POST("/api/v1/connections/{id}/refresh-schema", { params: { path: { id } } })),
    onSuccess: () => toast.done("The agent is reading the schema again."),
    onError: (error) => toast.error(error),
  });

  return (
    <Page
      title={connection.name}
      heading={
        <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <span className="min-w-0 break-words">{connection.name}</span>
          {mayManage && (
            <Button
              variant="ghost"
              size="icon-small"
              aria-label="Rename"
              title="Rename"
              onClick={() => setRenaming(true)}
            >
              <Pencil aria-hidden />
            </Button>
          )}
          <ConnectionState connection={connection} />
        </span>
      }
      note={`${kindLabel(connection.db_type)} · made ${timeAgo(connection.created_at)}`}
      action={
        <>
          {mayManage && <SourceAccess kind="connections" id={id} name={connection.name} />}
          <Button
            disabled={!online}
            busy={test.isPending}
            title={offlineTitle}
            onClick={() => test.mutate()}
          >
            <Stethoscope aria-hidden />
            Test connection
          </Button>
          <ButtonLink to={`/ask?connection=${encodeURIComponent(id)}`} variant="primary">
            Ask this database
          </ButtonLink>
        </>
      }
    >
      <div className="space-y-5">
        {test.isError && <Notice kind="error">{test.error.message}</Notice>}
        {test.data && online && <TestResult test={test.data} />}
        <Warnings connection={connection} />
        <Facts connection={connection} />
        <RunningQueries connection={connection} />
        <Agents connection={connection} />
        <SchemaBrowser
          connection={connection}
          action={
            <Button
              size="icon"
              disabled={!online}
              busy={refresh.isPending}
              aria-label="Read the schema again"
              title={offlineTitle ?? "Read the schema again"}
              onClick={() => refresh.mutate()}
            >
              <RefreshCw aria-hidden />
            </Button>
          }
        />
        {mayManage && <KeyCard connection={connection} />}
      </div>
      <RenameConnection
        key={connection.name}
        connection={connection}
        open={renaming}
        onOpenChange={setRenaming}
      />
    </Page>
  );
}
