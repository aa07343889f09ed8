// Settings: the profile, the look, the translator, limits, and what is running here.
import { useQuery } from "@tanstack/react-query";
import { ExternalLink, LogOut } from "lucide-react";
import type { ReactNode } from "react";
import { API_ORIGIN } from "@/api/base";
import { settingsQuery, statusQuery } from "@/api/queries";
import { session } from "@/api/session";
import { Page } from "@/components/page";
import { Appearance } from "@/components/settings/appearance";
import { ModelSettings } from "@/components/settings/model";
import { Profile } from "@/components/settings/profile";
import { Button } from "@/components/ui/button";
import { Card, CardHead } from "@/components/ui/card";
import { LoadError } from "@/components/ui/notice";
import { Skeleton } from "@/components/ui/skeleton";
import { formatBytes, formatDuration, groupDigits, plural } from "@/lib/format";

export default function Settings() {
  const settings = useQuery(settingsQuery);
  return (
    <Page title="Settings">
      <div className="max-w-3xl space-y-5">
        <Profile />
        <Appearance />
        {settings.isPending ? (
          <>
            <Skeleton className="h-60" />
            <Skeleton className="h-60" />
          </>
        ) : settings.isError ? (
          <LoadError error={settings.error} retry={() => void settings.refetch()} />
        ) : (
          <>
            <ModelSettings settings={settings.data} />
            <Card aria-labelledby="limits">
              <CardHead id="limits" title="Limits" note="Set in the server’s configuration." />
              <dl className="divide-y divide-line border-t border-line">
                <Fact name="Largest upload">
                  {formatBytes(settings.data.limits.upload_max_bytes)}
                </Fact>
                <Fact name="Rows kept of a result">
                  {groupDigits(String(settings.data.limits.result_max_rows))}
                </Fact>
                <Fact name="Time for one query">
                  {formatDuration(settings.data.limits.query_timeout_seconds * 1000)}
                </Fact>
              </dl>
            </Card>
            <About
              data_dir={settings.data.data_dir}
              store={settings.data.store}
              version={settings.data.version}
            />
          </>
        )}
      </div>
    </Page>
  );
}

function About({ data_dir, store, version }: { data_dir: string; store: string; version: string }) {
  const status = useQuery({ ...statusQuery, refetchInterval: 30_000 }).data;
  return (
    <Card aria-labelledby="server">
      <CardHead id="server" title="This server" />
      <dl className="divide-y divide-line border-t border-line">
        <Fact name="Version">{version}</Fact>
        <Fact name="Own records">{store === "sqlite" ? "SQLite" : "PostgreSQL"}</Fact>
        <Fact name="Data folder">
          <code className="font-mono text-sm break-all">{data_dir}</code>
        </Fact>
        <Fact name="Running for">{status ? uptime(status.uptime_seconds) : "…"}</Fact>
        <Fact name="Agents online">{status?.agents_online ?? "…"}</Fact>
      </dl>
      <div className="flex flex-wrap gap-2 border-t border-line p-4">
        <a
          href={`${API_ORIGIN}/api/docs/`}
          target="_blank"
          rel="noreferrer"
          className="inline-flex h-10 items-center gap-2 rounded-lg border border-line-strong bg-surface px-4 font-semibold hover:bg-sunken"
        >
          API documentation <ExternalLink className="size-4" aria-hidden />
        </a>
        <Button onClick={() => void session.signOut()}>
          <LogOut aria-hidden />
          Sign out
        </Button>
      </div>
    </Card>
  );
}

function uptime(seconds: number): string {
  if (seconds < 3600) return plural(Math.max(1, Math.round(seconds / 60)), "minute");
  if (seconds < 2 * 86_400) return plural(Math.round(seconds / 3600), "hour");
  return plural(Math.round(seconds / 86_400), "day");
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="flex flex-wrap justify-between gap-x-6 px-5 py-2.5">
      <dt className="text-ink-soft">{name}</dt>
      <dd className="min-w-0 text-right font-medium tabular-nums">{children}</dd>
    </div>
  );
}
