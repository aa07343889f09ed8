// One evaluation: what came of each question, perhaps beside an earlier run.
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { CircleStop, RotateCw, Trash2 } from "lucide-react";
import { useNavigate, useParams, useSearchParams } from "react-router";
import {
  cancelRun,
  deleteRun,
  refreshRuns,
  runQuery,
  runsQuery,
  startRun,
  type RunDetail,
} from "@/api/evaluations";
import { Categories } from "@/components/evaluations/categories";
import { Questions } from "@/components/evaluations/questions";
import { RunState } from "@/components/evaluations/run-state";
import { VerdictBar } from "@/components/evaluations/verdicts";
import { Only } from "@/components/only";
import { Page } from "@/components/page";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Confirm } from "@/components/ui/dialog";
import { Select } from "@/components/ui/field";
import { LoadError, Notice } from "@/components/ui/notice";
import { Progress } from "@/components/ui/progress";
import { Skeleton } from "@/components/ui/skeleton";
import { toast } from "@/components/ui/toast";
import { rightWords, runFacts } from "@/lib/evaluations";
import { plural, timeAgo } from "@/lib/format";
import { useAtLeast } from "@/lib/rights";

export default function EvaluationDetail() {
  const allowed = useAtLeast("admin");
  if (!allowed)
    return (
      <Page title="Evaluation">
        <Only least="admin">{null}</Only>
      </Page>
    );
  return <Loaded />;
}

function Loaded() {
  const { id = "" } = useParams();
  const [search] = useSearchParams();
  const run = useQuery(runQuery(id, search.get("against") ?? ""));
  if (run.isError)
    return (
      <Page title="Evaluation">
        <LoadError error={run.error} retry={() => void run.refetch()} />
      </Page>
    );
  if (run.isPending)
    return (
      <Page title="Evaluation" heading={<Skeleton className="h-9 w-64" />}>
        <Skeleton className="mb-5 h-28" />
        <Skeleton className="h-80" />
      </Page>
    );
  return <Detail run={run.data} />;
}

function Detail({ run }: { run: RunDetail }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const running = run.status === "running";
  const cancel = useMutation({
    mutationFn: () => cancelRun(run.id),
    onSettled: () => refreshRuns(client),
    onError: toast.error,
  });
  const again = useMutation({
    mutationFn: () => startRun({ again: run.id }),
    onSuccess: async (next) => {
      await refreshRuns(client);
      // The point of a second run is what it changes.
      void navigate(`/evaluations/${next.id}?against=${run.id}`);
    },
    onError: toast.error,
  });
  return (
    <Page
      title={run.name}
      heading={
        <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <span className="min-w-0 break-words">{run.name}</span>
          <RunState run={run} />
        </span>
      }
      note={runFacts(run)}
      action={
        <>
          {running ? (
            <Button busy={cancel.isPending} onClick={() => cancel.mutate()}>
              <CircleStop aria-hidden />
              Cancel
            </Button>
          ) : (
            <Button variant="primary" busy={again.isPending} onClick={() => again.mutate()}>
              <RotateCw aria-hidden />
              Run again
            </Button>
          )}
          <Confirm
            trigger={(open) => (
              <Button size="icon" aria-label="Delete" title="Delete" onClick={open}>
                <Trash2 aria-hidden />
              </Button>
            )}
            title="Delete this evaluation?"
            confirm="Delete"
            onConfirm={async () => {
              await deleteRun(run.id);
              await refreshRuns(client);
              void navigate("/evaluations");
            }}
          >
            Its questions and what came of them are forgotten. Nothing else changes.
          </Confirm>
        </>
      }
    >
      <div className="space-y-5">
        {run.error && <Notice kind="error">{run.error}</Notice>}
        <Card className="p-5" aria-label="Result">
          {running && (
            <div className="mb-4">
              <p className="mb-1.5 text-sm" aria-live="polite">
                {run.done} of {plural(run.total, "question")} asked
              </p>
              <Progress value={(100 * run.done) / run.total} label="Questions asked" />
            </div>
          )}
          <p className="mb-2.5 text-lg font-semibold tabular-nums">{rightWords(run.counts)}</p>
          <VerdictBar counts={run.counts} total={run.total} legend />
          <Compare run={run} />
        </Card>
        <Categories categories={run.categories} />
        <Questions run={run} />
      </div>
    </Page>
  );
}

/** Chooses the run to compare with, and says what changed. */
function Compare({ run }: { run: RunDetail }) {
  const [search, setSearch] = useSearchParams();
  const runs = useInfiniteQuery(runsQuery).data?.pages.flat() ?? [];
  const others = runs.filter(({ id }) => id !== run.id);
  const { against } = run;
  if (others.length === 0 && !against) return null;
  return (
    <div className="mt-4 flex flex-wrap items-center gap-x-4 gap-y-2 border-t border-line pt-4 text-sm">
      <label className="flex min-w-0 items-center gap-2">
        <span className="shrink-0 text-ink-soft">Compare with</span>
        <Select
          className="min-w-0"
          value={search.get("against") ?? ""}
          onChange={(event) =>
            setSearch(event.target.value ? { against: event.target.value } : {}, { replace: true })
          }
        >
          <option value="">no other run</option>
          {against && !others.some(({ id }) => id === against.id) && (
            <option value={against.id}>{against.name}</option>
          )}
          {others.map((other) => (
            <option key={other.id} value={other.id}>
              {other.name} · {timeAgo(other.started_at)} · {rightWords(other.counts)}
            </option>
          ))}
        </Select>
      </label>
      {against && (
        <p>
          {against.shared === 0
            ? "The two runs have no question in common."
            : `${plural(against.shared, "question")} in common: ${against.better} right now and not then, ${against.worse} right then and not now.`}
        </p>
      )}
    </div>
  );
}
