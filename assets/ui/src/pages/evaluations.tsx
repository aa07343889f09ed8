// The evaluations of the organization: how well questions are answered, run after run.
import { useInfiniteQuery } from "@tanstack/react-query";
import { FlaskConical, Plus } from "lucide-react";
import { useState } from "react";
import { Link } from "react-router";
import { runsQuery, type Run } from "@/api/evaluations";
import { RunState } from "@/components/evaluations/run-state";
import { StartForm } from "@/components/evaluations/start-form";
import { VerdictBar } from "@/components/evaluations/verdicts";
import { Only } from "@/components/only";
import { Page } from "@/components/page";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Empty, LoadError } from "@/components/ui/notice";
import { SkeletonRows } from "@/components/ui/skeleton";
import { rightWords, runFacts } from "@/lib/evaluations";
import { useAtLeast } from "@/lib/rights";

export default function Evaluations() {
  const allowed = useAtLeast("admin");
  const [starting, setStarting] = useState(false);
  const start = (
    <Button variant="primary" onClick={() => setStarting(true)}>
      <Plus aria-hidden />
      New evaluation
    </Button>
  );
  return (
    <Page
      title="Evaluations"
      note="How often questions are answered rightly, with the model and the knowledge you have now."
      action={allowed && start}
    >
      <Only least="admin">
        <Runs />
        <StartForm open={starting} onOpenChange={setStarting} />
      </Only>
    </Page>
  );
}

function Runs() {
  const runs = useInfiniteQuery(runsQuery);
  if (runs.isPending) return <SkeletonRows count={4} className="h-20" />;
  if (runs.isError) return <LoadError error={runs.error} retry={() => void runs.refetch()} />;
  const all = runs.data.pages.flat();
  return (
    <Card>
      {all.length === 0 ? (
        <Empty icon={FlaskConical} title="Nothing was evaluated yet">
          Give it questions whose answers you know. You see which are answered rightly, and after a
          change of the model or of your knowledge whether they still are.
        </Empty>
      ) : (
        <>
          <ul aria-label="Evaluations" className="divide-y divide-line">
            {all.map((run) => (
              <RunLine key={run.id} run={run} />
            ))}
          </ul>
          {runs.hasNextPage && (
            <div className="border-t border-line p-3 text-center">
              <Button busy={runs.isFetchingNextPage} onClick={() => void runs.fetchNextPage()}>
                Show older ones
              </Button>
            </div>
          )}
        </>
      )}
    </Card>
  );
}

function RunLine({ run }: { run: Run }) {
  return (
    <li>
      <Link
        to={`/evaluations/${run.id}`}
        className="grid items-center gap-x-6 gap-y-2 px-5 py-3.5 transition-colors outline-offset-[-3px] hover:bg-sunken sm:grid-cols-[minmax(0,1fr)_14rem]"
      >
        <span className="min-w-0">
          <span className="flex flex-wrap items-center gap-x-2 gap-y-1">
            <span className="font-semibold break-words">{run.name}</span>
            <RunState run={run} />
          </span>
          <span className="mt-0.5 block text-sm break-words text-ink-soft">{runFacts(run)}</span>
        </span>
        <span>
          <span className="mb-1.5 block text-sm font-semibold tabular-nums">
            {run.status === "running"
              ? `${run.done} of ${run.total} asked`
              : rightWords(run.counts)}
          </span>
          <VerdictBar counts={run.counts} total={run.total} />
        </span>
      </Link>
    </li>
  );
}
