// The questions of a run, each with its verdict and, when opened, the query beside the right one.
import { ArrowDownRight, ArrowUpRight, ChevronRight, SearchX } from "lucide-react";
import { useState } from "react";
import type { RunDetail, RunQuestion } from "@/api/evaluations";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Card, CardHead } from "@/components/ui/card";
import { Input, Select } from "@/components/ui/field";
import { Empty } from "@/components/ui/notice";
import { Snippet } from "@/components/ui/snippet";
import { changeOf, findQuestions, verdicts, verdictWords, type Shown } from "@/lib/evaluations";
import { formatDuration, plural } from "@/lib/format";
import { VerdictBadge } from "./verdicts";

/** Drawn at once; a set may hold two thousand. */
const STEP = 100;

export function Questions({ run }: { run: RunDetail }) {
  const [shown, setShown] = useState<Shown>("all");
  const [wanted, setWanted] = useState("");
  const [count, setCount] = useState(STEP);
  const found = findQuestions(run.questions, shown, wanted);
  const present = verdicts.filter((verdict) => run.counts[verdict] > 0);
  return (
    <Card aria-labelledby="questions">
      <CardHead
        id="questions"
        title="Questions"
        note={
          found.length === run.questions.length
            ? plural(found.length, "question")
            : `${found.length} of ${plural(run.questions.length, "question")}`
        }
        action={
          <div className="flex flex-wrap gap-2">
            <Select
              aria-label="Which questions"
              value={shown}
              onChange={(event) => setShown(event.target.value as Shown)}
              className="w-auto"
            >
              <option value="all">All verdicts</option>
              {present.map((verdict) => (
                <option key={verdict} value={verdict}>
                  {verdictWords[verdict].label} ({run.counts[verdict]})
                </option>
              ))}
              {run.against && (
                <>
                  <option value="better">Better than before</option>
                  <option value="worse">Worse than before</option>
                </>
              )}
            </Select>
            <Input
              type="search"
              aria-label="Search the questions"
              placeholder="Search"
              value={wanted}
              onChange={(event) => setWanted(event.target.value)}
              className="w-44"
            />
          </div>
        }
      />
      {found.length === 0 ? (
        <Empty icon={SearchX} title="Nothing found" className="border-t border-line">
          No question of this run fits.
        </Empty>
      ) : (
        <ul className="divide-y divide-line border-t border-line">
          {found.slice(0, count).map((item) => (
            <Question key={item.number} item={item} />
          ))}
        </ul>
      )}
      {found.length > count && (
        <div className="border-t border-line p-3 text-center">
          <Button onClick={() => setCount(count + STEP)}>Show more</Button>
        </div>
      )}
    </Card>
  );
}

function Question({ item }: { item: RunQuestion }) {
  const [open, setOpen] = useState(false);
  const change = changeOf(item);
  const more = item.query || item.expected || item.note;
  return (
    <li>
      <button
        type="button"
        aria-expanded={open}
        disabled={!more}
        onClick={() => setOpen(!open)}
        className="flex w-full items-start gap-3 px-5 py-3 text-left outline-offset-[-3px] transition-colors enabled:hover:bg-sunken"
      >
        <ChevronRight
          aria-hidden
          className={`mt-1 size-4 shrink-0 text-ink-faint transition-transform ${open ? "rotate-90" : ""} ${more ? "" : "invisible"}`}
        />
        <span className="min-w-0 flex-1">
          <span className="block break-words">{item.question}</span>
          <span className="block text-sm text-ink-faint">
            {[item.suite, item.category].filter(Boolean).join(" · ")}
          </span>
        </span>
        <span className="flex shrink-0 flex-wrap items-center justify-end gap-2 max-sm:max-w-28">
          {change === "better" && (
            <Badge tone="good" title={`Before: ${wordOf(item)}`}>
              <ArrowUpRight aria-hidden />
              Better
            </Badge>
          )}
          {change === "worse" && (
            <Badge tone="bad" title={`Before: ${wordOf(item)}`}>
              <ArrowDownRight aria-hidden />
              Worse
            </Badge>
          )}
          <VerdictBadge verdict={item.verdict ?? null} />
        </span>
      </button>
      {open && (
        <div className="space-y-3 px-5 pt-1 pb-4 sm:pl-12">
          {item.note && <p className="text-sm break-words text-ink-soft">{item.note}</p>}
          {item.query && <Snippet label="Its query" copyLabel="Copy the query" text={item.query} />}
          {item.expected && (
            <Snippet label="What is right" copyLabel="Copy what is right" text={item.expected} />
          )}
          {typeof item.elapsed_ms === "number" && (
            <p className="text-xs text-ink-faint">Answered in {formatDuration(item.elapsed_ms)}</p>
          )}
        </div>
      )}
    </li>
  );
}

const wordOf = ({ before }: RunQuestion) =>
  before ? verdictWords[before].label.toLowerCase() : "not asked";
