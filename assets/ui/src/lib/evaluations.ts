// Verdicts in words, and what the counts of a run say.
import type { Counts, Run, RunQuestion, Verdict } from "@/api/evaluations";
import type { Tone } from "@/components/ui/badge";
import { plural, timeAgo } from "./format";

/** The best first. */
export const verdicts = ["right", "wrong", "refused", "clarify", "failed", "unscored"] as const;

interface VerdictWords {
  label: string;
  tone: Tone;
  /** Of its part of a bar. */
  fill: string;
  about: string;
}

export const verdictWords: Record<Verdict, VerdictWords> = {
  right: {
    label: "Right",
    tone: "good",
    fill: "bg-good",
    about: "The rows are those of the right answer.",
  },
  wrong: {
    label: "Wrong",
    tone: "bad",
    fill: "bg-bad",
    about: "Answered, and not with the right rows.",
  },
  refused: {
    label: "Refused",
    tone: "plain",
    fill: "bg-ink-faint",
    about: "It said that it cannot answer this.",
  },
  clarify: {
    label: "Asked back",
    tone: "berry",
    fill: "bg-berry",
    about: "It asked which of several readings is meant.",
  },
  failed: {
    label: "Failed",
    tone: "warn",
    fill: "bg-warn",
    about: "The source or the model could not be asked.",
  },
  unscored: {
    label: "Not scored",
    tone: "custard",
    fill: "bg-custard-strong",
    about: "Answered, and nobody wrote down what would be right.",
  },
};

export const sumOf = (counts: Counts): number =>
  verdicts.reduce((sum, verdict) => sum + counts[verdict], 0);

/** "12 of 30 right (40 %)"; of those whose right answer is known. */
export function rightWords(counts: Counts): string {
  const known = sumOf(counts) - counts.unscored;
  if (known === 0) return sumOf(counts) === 0 ? "Nothing asked yet" : "Not scored";
  return `${counts.right} of ${known} right (${Math.round((100 * counts.right) / known)} %)`;
}

/** What became better or worse since the run it is compared with. */
export type Change = "better" | "worse" | "same";

export function changeOf({ verdict, before }: RunQuestion): Change | null {
  if (!verdict || !before) return null;
  if (verdict === before) return "same";
  if (verdict === "right") return "better";
  if (before === "right") return "worse";
  // A wrong number is worse than none.
  if (verdict === "wrong") return "worse";
  return before === "wrong" ? "better" : "same";
}

export type Shown = Verdict | "all" | "better" | "worse";

/** The questions that a choice shows, and a search finds. */
export function findQuestions(
  questions: readonly RunQuestion[],
  shown: Shown,
  wanted: string,
): RunQuestion[] {
  const words = wanted.trim().toLowerCase();
  return questions.filter((item) => {
    const fits =
      shown === "all" ||
      (shown === "better" || shown === "worse" ? changeOf(item) === shown : item.verdict === shown);
    const text = `${item.question} ${item.suite} ${item.category} ${item.query ?? ""}`;
    return fits && text.toLowerCase().includes(words);
  });
}

/** Of what, by which translator, when and by whom. */
export function runFacts(run: Run): string {
  return [
    run.source_names.join(", ") || "a source that is gone",
    run.translator === "llm" ? (run.model ?? "a language model") : "built-in translator",
    plural(run.total, "question"),
    timeAgo(run.started_at),
    run.started_by && `by ${run.started_by.name}`,
  ]
    .filter(Boolean)
    .join(" · ");
}
