// What the counts and comparisons of runs say.
import { describe, expect, it } from "vitest";
import type { Counts, RunQuestion } from "@/api/evaluations";
import { changeOf, findQuestions, rightWords } from "./evaluations";

const counts = (part: Partial<Counts>): Counts => ({
  right: 0,
  wrong: 0,
  refused: 0,
  clarify: 0,
  failed: 0,
  unscored: 0,
  ...part,
});

const question = (part: Partial<RunQuestion>): RunQuestion => ({
  number: 1,
  question: "How many orders?",
  suite: "",
  category: "",
  verdict: null,
  query: null,
  expected: null,
  note: null,
  elapsed_ms: null,
  before: null,
  ...part,
});

describe("counts", () => {
  it("counts only what could be scored", () => {
    expect(rightWords(counts({ right: 2, wrong: 1, refused: 1, unscored: 5 }))).toBe(
      "2 of 4 right (50 %)",
    );
    expect(rightWords(counts({ unscored: 5 }))).toBe("Not scored");
    expect(rightWords(counts({}))).toBe("Nothing asked yet");
  });
});

describe("comparison", () => {
  it("takes a wrong answer for worse than none", () => {
    expect(changeOf(question({ verdict: "right", before: "refused" }))).toBe("better");
    expect(changeOf(question({ verdict: "wrong", before: "refused" }))).toBe("worse");
    expect(changeOf(question({ verdict: "refused", before: "wrong" }))).toBe("better");
    expect(changeOf(question({ verdict: "refused", before: "clarify" }))).toBe("same");
    expect(changeOf(question({ verdict: "refused", before: "right" }))).toBe("worse");
    expect(changeOf(question({ verdict: "right" }))).toBeNull();
  });

  it("finds questions by verdict, by change and by words", () => {
    const all = [
      question({ number: 1, verdict: "right", before: "wrong" }),
      question({ number: 2, verdict: "wrong", before: "right", query: "SELECT SUM(total)" }),
      question({ number: 3, verdict: "wrong", category: "joins" }),
    ];
    const numbers = (shown: Parameters<typeof findQuestions>[1], wanted = "") =>
      findQuestions(all, shown, wanted).map(({ number }) => number);
    expect(numbers("all")).toEqual([1, 2, 3]);
    expect(numbers("wrong")).toEqual([2, 3]);
    expect(numbers("worse")).toEqual([2]);
    expect(numbers("all", "sum(")).toEqual([2]);
    expect(numbers("all", " JOINS ")).toEqual([3]);
  });
});
