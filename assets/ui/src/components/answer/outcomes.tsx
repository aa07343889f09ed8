// Answers without a result: a question back to the person, a refusal, a failure; each says what to do.
import { CircleHelp, CircleSlash, CloudAlert } from "lucide-react";
import type { Answer } from "@/api/types";
import type { SourceChoice } from "@/components/source-picker";

interface ClarifyProps {
  answer: Answer;
  ask: (question: string, target?: SourceChoice) => void;
}

/** Where an option is to be asked, when the question was which source is meant. */
function targetOf({ connection_id, file_ids }: Answer["options"][number]) {
  if (connection_id) return { kind: "connection", id: connection_id } as const;
  if (file_ids?.length) return { kind: "files", ids: file_ids } as const;
  return undefined;
}

export function Clarify({ answer, ask }: ClarifyProps) {
  return (
    <div>
      <div className="flex items-start gap-3">
        <CircleHelp className="mt-0.5 size-5 shrink-0 text-berry" aria-hidden />
        <p className="text-lg leading-snug font-semibold">
          {answer.answer || "Which of these do you mean?"}
        </p>
      </div>
      {answer.options.length > 0 && (
        <ul className="mt-3 grid gap-2 sm:grid-cols-2">
          {answer.options.map((option) => (
            <li key={`${option.label}|${option.question}`}>
              <button
                type="button"
                onClick={() => ask(option.question, targetOf(option))}
                className="h-full w-full rounded-xl border border-line-strong px-4 py-3 text-left transition-colors hover:border-custard-strong hover:bg-custard-soft"
              >
                <span className="block font-semibold">{option.label}</span>
                {option.question !== option.label && option.question !== answer.question && (
                  <span className="block text-sm text-ink-soft">{option.question}</span>
                )}
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

export function AnswerProblem({ answer }: { answer: Answer }) {
  const refused = answer.outcome === "refused";
  const Icon = refused ? CircleSlash : CloudAlert;
  const detail = answer.error?.message;
  const sentence =
    answer.answer || detail || (refused ? "I cannot answer this." : "This did not work.");
  return (
    <div className="flex items-start gap-3">
      <Icon
        className={`mt-0.5 size-5 shrink-0 ${refused ? "text-warn" : "text-bad"}`}
        aria-hidden
      />
      <div className="min-w-0">
        <p className="text-lg leading-snug font-semibold break-words">{sentence}</p>
        {detail && detail !== sentence && (
          <p className="mt-1 text-sm break-words text-ink-soft">{detail}</p>
        )}
        <p className="mt-1 text-sm text-ink-soft">{nextStep(answer)}</p>
      </div>
    </div>
  );
}

function nextStep({ outcome, translator, error }: Answer): string {
  if (translator === "user")
    return "Your query is below as you wrote it: change it and run it again.";
  if (error?.code === "agent_offline")
    return "Start the agent beside the database, or choose another source, then ask again.";
  if (error?.code === "timeout")
    return "Ask for less at once: a shorter time, fewer groups, or a total instead of rows.";
  if (outcome === "refused")
    return "Nothing was run. Say it in other words, name a table or column, or choose the sources yourself.";
  return "Nothing was changed. Ask again; if it stays, look at the source’s page.";
}
