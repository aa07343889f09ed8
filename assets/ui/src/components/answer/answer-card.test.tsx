// What a person is shown for each outcome of a question.
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { session } from "@/api/session";
import type { Answer, Session } from "@/api/types";
import { AnswerCard } from "./answer-card";

const answer = (part: Partial<Answer>): Answer => ({
  id: "a",
  conversation_id: "c",
  created_at: "2026-11-23T12:00:00Z",
  question: "How many orders?",
  kept: false,
  outcome: "answered",
  answer: "There are 3 orders.",
  interpretation: "number of rows in orders",
  translator: "offline",
  dialect: "datafusion",
  query: "SELECT COUNT(*) FROM orders",
  sql_query: "SELECT COUNT(*) FROM orders",
  columns: [{ name: "orders", type: "integer" }],
  rows: [[3]],
  row_count: 1,
  truncated: false,
  attempts: 1,
  elapsed_ms: { translate: 1, execute: 2, total: 3 },
  sources: [{ id: "f", kind: "file", name: "orders.csv", tables: ["orders"] }],
  chart: null,
  result_id: "r",
  options: [],
  findings: [],
  suggestions: ["And last month?"],
  error: null,
  ...part,
});

function show(part: Partial<Answer>) {
  const ask = vi.fn();
  render(
    <QueryClientProvider client={new QueryClient()}>
      <AnswerCard answer={answer(part)} ask={ask} run={null} newest />
    </QueryClientProvider>,
  );
  return ask;
}

const opened: Session = {
  access_token: "t",
  token_type: "bearer",
  expires_in: 900,
  user: {
    id: "u",
    email: "a@example.com",
    name: "A",
    role: "viewer",
    organization: { id: "o", name: "O" },
  },
};

describe("AnswerCard", () => {
  // What stands below an answer depends on the rights of the person who reads it.
  beforeEach(() => session.signIn(opened));

  it("shows the sentence, the reading, where it came from, and asks a suggestion", async () => {
    const ask = show({});
    expect(screen.getByText("There are 3 orders.")).toBeVisible();
    expect(screen.getByText("number of rows in orders", { exact: false })).toBeVisible();
    expect(screen.getByText("orders.csv")).toBeVisible();
    expect(screen.getByRole("button", { name: "Export" })).toBeVisible();
    expect(screen.getByRole("button", { name: "This answer is right" })).toBeVisible();
    await userEvent.click(screen.getByRole("button", { name: "And last month?" }));
    expect(ask).toHaveBeenCalledWith("And last month?");
  });

  it("asks an option of the source it belongs to", async () => {
    const ask = show({
      outcome: "clarify",
      answer: "Which orders?",
      query: null,
      sql_query: null,
      columns: [],
      rows: [],
      options: [
        { label: "Shop database", question: "How many orders?", connection_id: "c1" },
        { label: "orders.csv", question: "How many orders?", file_ids: ["f1", "f2"] },
        { label: "Number of orders", question: "How many orders are there?" },
      ],
    });
    await userEvent.click(screen.getByRole("button", { name: /Shop database/ }));
    expect(ask).toHaveBeenLastCalledWith("How many orders?", { kind: "connection", id: "c1" });
    await userEvent.click(screen.getByRole("button", { name: /orders\.csv/ }));
    expect(ask).toHaveBeenLastCalledWith("How many orders?", { kind: "files", ids: ["f1", "f2"] });
    await userEvent.click(screen.getByRole("button", { name: /Number of orders/ }));
    expect(ask).toHaveBeenLastCalledWith("How many orders are there?", undefined);
  });

  it("says what to do when nothing was run", () => {
    show({
      outcome: "refused",
      answer: "Nothing here is called “weather”.",
      query: null,
      sql_query: null,
      columns: [],
      rows: [],
      result_id: null,
    });
    expect(screen.getByText("Nothing here is called “weather”.")).toBeVisible();
    expect(screen.getByText(/Nothing was run/)).toBeVisible();
    expect(screen.queryByRole("tab")).toBeNull();
  });

  it("keeps the query of an answer whose rows are gone", () => {
    show({ rows: [], result_id: null });
    expect(screen.getByText(/are gone now/)).toBeVisible();
    expect(screen.getAllByRole("tab")).toHaveLength(1);
    expect(screen.getByRole("tab", { name: "Query" })).toBeVisible();
  });
});
