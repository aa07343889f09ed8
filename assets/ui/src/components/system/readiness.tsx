// Which settings are unfit for production, each with its remedy.
import { useQuery } from "@tanstack/react-query";
import { CircleCheck } from "lucide-react";
import { readinessQuery } from "@/api/operations";
import { Badge, type Tone } from "@/components/ui/badge";
import { Card, CardHead } from "@/components/ui/card";
import { LoadError } from "@/components/ui/notice";
import { SkeletonRows } from "@/components/ui/skeleton";

const severities: Record<"info" | "warning" | "error", { label: string; tone: Tone }> = {
  error: { label: "Not fit", tone: "bad" },
  warning: { label: "Better otherwise", tone: "warn" },
  info: { label: "To know", tone: "plain" },
};

export function ReadinessCard() {
  const readiness = useQuery(readinessQuery);
  return (
    <Card aria-labelledby="readiness">
      <CardHead
        id="readiness"
        title="Fit for production?"
        note="Settings that are fine for a try and not for every day."
        action={
          readiness.data && (
            <Badge tone={readiness.data.ready ? "good" : "warn"}>
              {readiness.data.ready ? "Ready" : "Not yet"}
            </Badge>
          )
        }
      />
      {readiness.isPending ? (
        <div className="px-5 pb-5">
          <SkeletonRows count={3} />
        </div>
      ) : readiness.isError ? (
        <div className="px-5 pb-5">
          <LoadError error={readiness.error} retry={() => void readiness.refetch()} />
        </div>
      ) : readiness.data.items.length === 0 ? (
        <p className="flex items-center gap-2 px-5 pb-5 text-ink-soft">
          <CircleCheck className="size-4.5 text-good" aria-hidden />
          Nothing to mend.
        </p>
      ) : (
        <ul className="divide-y divide-line border-t border-line">
          {readiness.data.items.map((item) => (
            <li key={item.code} className="px-5 py-3">
              <p className="flex flex-wrap items-center gap-x-2 gap-y-1">
                <Badge tone={severities[item.severity].tone}>
                  {severities[item.severity].label}
                </Badge>
                <span className="font-semibold break-words">{item.message}</span>
              </p>
              <p className="mt-1 text-sm break-words text-ink-soft">
                {item.remedy}{" "}
                {item.setting && (
                  <code className="inline-block max-w-full font-mono break-all">
                    {item.setting}
                  </code>
                )}
              </p>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
