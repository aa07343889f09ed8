// One finished answer: the sentence, how the question was read, what was found, and the result to check it by.
import { useQuery } from "@tanstack/react-query";
import { BookOpenText, Cable, FileSpreadsheet, ScanText } from "lucide-react";
import { settingsQuery } from "@/api/queries";
import type { Answer } from "@/api/types";
import type { SourceChoice } from "@/components/source-picker";
import { Badge } from "@/components/ui/badge";
import { Card } from "@/components/ui/card";
import { Notice } from "@/components/ui/notice";
import { formatDuration, formatMoney, groupDigits, plural } from "@/lib/format";
import { translators } from "@/lib/translators";
import { Feedback } from "./feedback";
import { AnswerProblem, Clarify } from "./outcomes";
import { AnswerResult } from "./result";

export interface AnswerActions {
  /** Asks of the chosen sources, or of those that are given. */
  ask: (question: string, target?: SourceChoice) => void;
  /** Absent while another question of the conversation is running. */
  run: ((query: string) => void) | null;
}

interface AnswerCardProps extends AnswerActions {
  answer: Answer;
  /** The newest answer offers what to ask next. */
  newest: boolean;
}

export function AnswerCard({ answer, ask, run, newest }: AnswerCardProps) {
  return (
    <Card className="min-w-0 p-4 sm:p-5" aria-label="Answer">
      {answer.outcome === "answered" ? (
        <p className="text-lg leading-snug font-semibold break-words">{answer.answer}</p>
      ) : answer.outcome === "clarify" ? (
        <Clarify answer={answer} ask={ask} />
      ) : (
        <AnswerProblem answer={answer} />
      )}

      {answer.interpretation && answer.translator !== "user" && (
        <p className="mt-2 flex items-start gap-2 text-sm text-ink-soft">
          <BookOpenText className="mt-0.5 size-4 shrink-0" aria-hidden />
          <span className="min-w-0 break-words">
            <span className="font-semibold">How I read it: </span>
            {answer.interpretation}
          </span>
        </p>
      )}

      {answer.query_in_words && (
        <p className="mt-2 flex items-start gap-2 text-sm text-ink-soft">
          <ScanText className="mt-0.5 size-4 shrink-0" aria-hidden />
          <span className="min-w-0 break-words">
            <span className="font-semibold">What the query does: </span>
            {answer.query_in_words}
          </span>
        </p>
      )}

      {answer.findings.length > 0 && (
        <div className="mt-3 space-y-2">
          {answer.findings.map((finding) => (
            <Notice key={finding.code + finding.message} kind={finding.severity}>
              {finding.message}
            </Notice>
          ))}
        </div>
      )}

      <AnswerResult answer={answer} run={run} />
      <Foot answer={answer} />
      {answer.outcome === "answered" && answer.query && <Feedback answerId={answer.id} />}

      {newest && answer.suggestions.length > 0 && (
        <div className="mt-4 border-t border-line pt-3">
          <h3 className="mb-2 font-sans text-sm font-semibold tracking-normal text-ink-soft">
            {answer.outcome === "answered" ? "Ask next" : "Try instead"}
          </h3>
          <ul className="flex flex-wrap gap-2">
            {answer.suggestions.map((suggestion) => (
              <li key={suggestion} className="max-w-full">
                <SuggestionButton question={suggestion} ask={ask} />
              </li>
            ))}
          </ul>
        </div>
      )}
    </Card>
  );
}

export function SuggestionButton({
  question,
  ask,
}: {
  question: string;
  ask: (question: string) => void;
}) {
  return (
    <button
      type="button"
      onClick={() => ask(question)}
      className="max-w-full rounded-full border border-line-strong bg-surface px-3.5 py-1.5 text-left text-sm transition-colors hover:border-custard-strong hover:bg-custard-soft"
    >
      {question}
    </button>
  );
}

function Foot({ answer }: { answer: Answer }) {
  const { icon: Icon, label } = translators[answer.translator];
  const { translate, execute, total } = answer.elapsed_ms;
  return (
    <div className="mt-3 flex flex-wrap items-center gap-x-2 gap-y-1.5 text-xs text-ink-faint">
      {answer.sources.map((source) => (
        <Badge
          key={source.id}
          title={`Tables that were read: ${source.tables.join(", ") || "none"}`}
          className="max-w-72"
        >
          {source.kind === "file" ? <FileSpreadsheet aria-hidden /> : <Cable aria-hidden />}
          <span className="truncate">
            {source.name}
            {source.tables.length > 0 && (
              <span className="font-normal"> · {source.tables.join(", ")}</span>
            )}
          </span>
        </Badge>
      ))}
      <span className="flex items-center gap-1">
        <Icon className="size-3.5" aria-hidden /> {label}
      </span>
      <span
        className="ml-auto tabular-nums"
        title={`Translated in ${formatDuration(translate)}, ran in ${formatDuration(execute)}${
          answer.attempts > 1 ? `, ${answer.attempts} attempts` : ""
        }`}
      >
        {answer.outcome === "answered" && `${plural(answer.row_count, "row")} · `}
        {formatDuration(total)}
        {answer.attempts > 1 && ` · ${answer.attempts} attempts`}
        {answer.usage && <Spent usage={answer.usage} />}
      </span>
    </div>
  );
}

/** What the model took for it. */
function Spent({ usage }: { usage: NonNullable<Answer["usage"]> }) {
  const currency = useQuery(settingsQuery).data?.llm.currency;
  const { model, calls, input_tokens, output_tokens, estimated, cost } = usage;
  const digits = (count: number) => groupDigits(String(count));
  return (
    <span
      title={`${model}: ${plural(calls, "call")}, ${digits(input_tokens)} tokens read and ${digits(output_tokens)} written${
        estimated ? ", reckoned from the text" : ""
      }`}
    >
      {" · "}
      {estimated && "about "}
      {plural(input_tokens + output_tokens, "token")}
      {typeof cost === "number" && currency && ` · ${formatMoney(cost, currency)}`}
    </span>
  );
}
