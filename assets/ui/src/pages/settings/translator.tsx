// What turns questions into queries, and the limits in force.
import { useQuery } from "@tanstack/react-query";
import { settingsQuery } from "@/api/queries";
import { ModelSettings } from "@/components/settings/model";
import { Part } from "@/components/settings/part";
import { Card, CardHead } from "@/components/ui/card";
import { Fact, Facts } from "@/components/ui/facts";
import { LoadError } from "@/components/ui/notice";
import { Skeleton } from "@/components/ui/skeleton";
import { formatBytes, formatDuration, groupDigits } from "@/lib/format";

export default function TranslatorSettings() {
  const settings = useQuery(settingsQuery);
  return (
    <Part title="Translator">
      {settings.isPending ? (
        <>
          <Skeleton className="h-44" />
          <Skeleton className="h-52" />
        </>
      ) : settings.isError ? (
        <LoadError error={settings.error} retry={() => void settings.refetch()} />
      ) : (
        <>
          <ModelSettings settings={settings.data} />
          <Card aria-labelledby="limits">
            <CardHead id="limits" title="Limits" note="Set in the server’s configuration." />
            <Facts>
              <Fact name="Largest upload">
                {formatBytes(settings.data.limits.upload_max_bytes)}
              </Fact>
              <Fact name="Rows kept of a result">
                {groupDigits(String(settings.data.limits.result_max_rows))}
              </Fact>
              <Fact name="Time for one query">
                {formatDuration(settings.data.limits.query_timeout_seconds * 1000)}
              </Fact>
            </Facts>
          </Card>
        </>
      )}
    </Part>
  );
}
