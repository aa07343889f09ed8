// This server: what runs here, and for owners and admins how each part is doing.
import { useQuery } from "@tanstack/react-query";
import { ExternalLink } from "lucide-react";
import { API_ORIGIN } from "@/api/base";
import { systemStatusQuery } from "@/api/operations";
import { settingsQuery } from "@/api/queries";
import { Part } from "@/components/settings/part";
import { MailCard } from "@/components/system/mail";
import { Caches, HealthParts, Numbers } from "@/components/system/parts";
import { ReadinessCard } from "@/components/system/readiness";
import { Card, CardHead } from "@/components/ui/card";
import { Fact, Facts } from "@/components/ui/facts";
import { LoadError } from "@/components/ui/notice";
import { Skeleton } from "@/components/ui/skeleton";
import { useAtLeast } from "@/lib/rights";

export default function SystemSettings() {
  const isAdmin = useAtLeast("admin");
  const isOwner = useAtLeast("owner");
  return (
    <Part title="System">
      {isAdmin && <Health />}
      {isOwner && <MailCard />}
      <About />
    </Part>
  );
}

function Health() {
  const status = useQuery(systemStatusQuery);
  return (
    <>
      {status.isPending ? (
        <Skeleton className="h-80" />
      ) : status.isError ? (
        <LoadError error={status.error} retry={() => void status.refetch()} />
      ) : (
        <HealthParts status={status.data} />
      )}
      <ReadinessCard />
      {status.data && <Numbers status={status.data} />}
      {status.data && <Caches status={status.data} />}
    </>
  );
}

function About() {
  const settings = useQuery(settingsQuery);
  if (settings.isPending) return <Skeleton className="h-56" />;
  if (settings.isError)
    return <LoadError error={settings.error} retry={() => void settings.refetch()} />;
  const { data } = settings;
  return (
    <Card aria-labelledby="server">
      <CardHead id="server" title="This server" />
      <Facts>
        <Fact name="Version">{data.version}</Fact>
        <Fact name="Own records">{data.store === "sqlite" ? "SQLite" : "PostgreSQL"}</Fact>
        <Fact name="Data folder">
          <code className="font-mono text-sm break-all">{data.data_dir}</code>
        </Fact>
      </Facts>
      <div className="border-t border-line p-4">
        <a
          href={`${API_ORIGIN}/api/docs/`}
          target="_blank"
          rel="noreferrer"
          className="inline-flex h-10 items-center gap-2 rounded-lg border border-line-strong bg-surface px-4 font-semibold hover:bg-sunken focus-visible:rounded-lg"
        >
          API documentation <ExternalLink className="size-4" aria-hidden />
        </a>
      </div>
    </Card>
  );
}
