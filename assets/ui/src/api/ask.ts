// Asks a question (or runs a query) and follows the answer as it is made.
import { apiUrl, CREDENTIALS } from "./base";
import { authFetch } from "./client";
import { ApiError, errorFromBody, errorFromResponse, isAbort, toApiError } from "./error";
import { SseParser, type ServerEvent } from "./sse";
import type { Answer, Column, QueryRequest, Row, RunRequest } from "./types";

export interface Stage {
  id: string;
  conversation_id: string;
  stage: string;
  message: string;
  elapsed_ms: number;
}

export interface Drafted {
  query: string;
  dialect: string;
  interpretation: string | null;
  translator: string;
  attempt: number;
}

export interface AskEvents {
  stage: (stage: Stage) => void;
  query: (drafted: Drafted) => void;
  columns: (columns: Column[]) => void;
  rows: (rows: Row[]) => void;
}

export type AskRequest =
  { path: "/api/v1/query"; body: QueryRequest } | { path: "/api/v1/query/run"; body: RunRequest };

/** Resolves with the finished answer. Aborting the signal closes the stream, which cancels the query. */
export async function followAnswer(
  { path, body }: AskRequest,
  on: AskEvents,
  signal: AbortSignal,
): Promise<Answer> {
  try {
    const response = await authFetch(
      new Request(apiUrl(path), {
        method: "POST",
        credentials: CREDENTIALS,
        headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
        body: JSON.stringify(body),
        signal,
      }),
    );
    if (!response.ok) throw await errorFromResponse(response);
    if (!response.headers.get("content-type")?.includes("text/event-stream"))
      return (await response.json()) as Answer;
    if (!response.body) throw new ApiError(0, "empty", BROKEN_OFF);
    return await readStream(response.body, on);
  } catch (cause) {
    throw isAbort(cause) ? cause : toApiError(cause);
  }
}

const BROKEN_OFF = "The connection broke off before the answer was complete. Ask again.";

async function readStream(body: ReadableStream<Uint8Array>, on: AskEvents): Promise<Answer> {
  const parser = new SseParser();
  const reader = body.getReader();
  let answer: Answer | null = null;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    for (const event of parser.push(value)) {
      if (event.event === "done" && answer) return answer;
      answer = handle(event, on) ?? answer;
    }
  }
  if (!answer) throw new ApiError(0, "broken_off", BROKEN_OFF);
  return answer;
}

function handle({ event, data }: ServerEvent, on: AskEvents): Answer | null {
  const value: unknown = JSON.parse(data);
  switch (event) {
    case "stage":
      on.stage(value as Stage);
      return null;
    case "query":
      on.query(value as Drafted);
      return null;
    case "columns":
      on.columns((value as { columns: Column[] }).columns);
      return null;
    case "rows":
      on.rows((value as { rows: Row[] }).rows);
      return null;
    case "answer":
      return value as Answer;
    case "error":
      throw errorFromBody(0, value);
    default:
      return null;
  }
}
