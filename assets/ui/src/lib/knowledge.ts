// The parts of what was taught, in words, and which entries a search keeps.
import type { Entry, EntryKind, Example } from "@/api/teaching";

export const parts = ["terms", "metrics", "descriptions", "examples", "suggestions"] as const;
export type Part = (typeof parts)[number];

export const partOf = (text: string | null): Part => parts.find((part) => part === text) ?? "terms";

interface PartWords {
  title: string;
  add: string;
  /** What it is for, with a short example. */
  about: string;
}

export const partWords: Record<Part, PartWords> = {
  terms: {
    title: "Terms",
    add: "New term",
    about:
      "A term gives a word of yours a meaning: “big order” means orders with a total over 500. It is understood in every question from then on.",
  },
  metrics: {
    title: "Metrics",
    add: "New metric",
    about:
      "A metric is a figure with a formula: “net income” is sum(fee) - sum(refund). Ask for it by name, by month, by store.",
  },
  descriptions: {
    title: "Descriptions",
    add: "New description",
    about:
      "A description says what a table or column holds: parcels.zw is the weight in kg. Language models read it.",
  },
  examples: {
    title: "Examples",
    add: "New example",
    about:
      "An example is a question with the query that answers it. The same question gets that query; a language model learns from it for others.",
  },
  suggestions: {
    title: "Suggestions",
    add: "",
    about:
      "Answers that were found right, queries that were mended by hand and remarks on wrong answers are suggested here. None is used before somebody approves it.",
  },
};

export const kindsOf: Record<"terms" | "metrics" | "descriptions", readonly EntryKind[]> = {
  terms: ["term"],
  metrics: ["metric"],
  descriptions: ["table", "column"],
};

const holds = (text: string, wanted: string) => text.toLowerCase().includes(wanted.toLowerCase());

export function findEntries(entries: readonly Entry[], wanted: string): Entry[] {
  return entries.filter(({ name, text, source_name }) =>
    [name, text, source_name ?? ""].some((part) => holds(part, wanted)),
  );
}

export function findExamples(examples: readonly Example[], wanted: string): Example[] {
  return examples.filter(({ question, query, source_names }) =>
    [question, query, ...source_names].some((part) => holds(part, wanted)),
  );
}

/** Where something comes from, for its line of facts. */
export const originWords: Record<Entry["origin"] | Example["origin"], string> = {
  person: "written",
  import: "imported",
  use: "from a remark",
  liked: "from an answer found right",
  edited: "from a query written by hand",
};
