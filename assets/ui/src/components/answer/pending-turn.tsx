// A question on its way: what is being done right now, what was understood so far, and how to stop it.
import { BookOpenText, LoaderCircle, RotateCw, Square } from "lucide-react";
import { isRunning, type Turn } from "@/api/threads";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Notice } from "@/components/ui/notice";
import { groupDigits, plural } from "@/lib/format";

interface PendingTurnProps {
  turn: Turn;
  cancel: () => void;
  again: (() => void) | null;
}

export function PendingTurn({ turn, cancel, again }: PendingTurnProps) {
  const retry = again && (
    <Button size="small" onClick={again}>
      <RotateCw aria-hidden />
      Ask again
    </Button>
  );
  if (turn.error)
    return (
      <Notice kind="error" title="No answer this time" action={retry}>
        {turn.error.message}
      </Notice>
    );
  if (turn.cancelled)
    return (
      <Notice kind="info" title="Stopped" action={retry}>
        The question was stopped, down to the database.
      </Notice>
    );
  return isRunning(turn) ? <Running turn={turn} cancel={cancel} /> : null;
}

function Running({ turn, cancel }: { turn: Turn; cancel: () => void }) {
  const now = turn.stages.at(-1);
  const repairs = turn.stages.filter((stage) => stage.stage === "repair").length;
  const text =
    turn.rowsSoFar > 0
      ? `Reading rows, ${groupDigits(String(turn.rowsSoFar))} so far`
      : (now?.message ?? "Sending the question");
  return (
    <Card className="min-h-36 p-4 sm:p-5" aria-label="Answer on its way">
      <div className="flex items-center gap-3">
        <LoaderCircle className="size-5 animate-spin text-custard-strong" aria-hidden />
        <p role="status" className="min-w-0 flex-1 font-semibold">
          {text}…
        </p>
        <Button size="small" onClick={cancel}>
          <Square aria-hidden />
          Stop <kbd className="font-sans text-xs text-ink-faint max-sm:hidden">Esc</kbd>
        </Button>
      </div>
      <Steps done={turn.stages.map((stage) => stage.stage)} />
      {turn.drafted?.interpretation && (
        <p className="mt-3 flex items-start gap-2 text-sm text-ink-soft">
          <BookOpenText className="mt-0.5 size-4 shrink-0" aria-hidden />
          <span>
            <span className="font-semibold">How I read it: </span>
            {turn.drafted.interpretation}
          </span>
        </p>
      )}
      {repairs > 0 && (
        <p className="mt-2 text-sm text-ink-soft">
          The query did not fit at first; mending it ({plural(repairs, "time")}).
        </p>
      )}
    </Card>
  );
}

const steps = ["sources", "context", "translate", "validate", "run", "present"];

function Steps({ done }: { done: readonly string[] }) {
  const reached = Math.max(0, ...done.map((stage) => steps.indexOf(stage)));
  return (
    <div aria-hidden className="mt-4 flex gap-1.5">
      {steps.map((step, index) => (
        <span
          key={step}
          className={`h-1 flex-1 rounded-full transition-colors duration-300 ${
            index <= reached ? "bg-custard-strong" : "bg-sunken"
          }`}
        />
      ))}
    </div>
  );
}
