// Evaluations: question sets asked of a source, and what came of them.
import { infiniteQueryOptions, queryOptions, type QueryClient } from "@tanstack/react-query";
import { api, finish, unwrap } from "./client";
import type { components } from "./schema";

type Schemas = components["schemas"];
export type Run = Schemas["EvaluationItem"];
export type RunDetail = Schemas["EvaluationDetail"];
export type RunQuestion = Schemas["QuestionItem"];
export type RunCategory = Schemas["CategoryItem"];
export type Counts = Schemas["Counts"];
export type Verdict = Schemas["EvaluationVerdict"];

const PAGE = 30;
/** While one is on its way; it asks a question every few milliseconds at best. */
const WATCH_MS = 1_500;

export const runsQuery = infiniteQueryOptions({
  queryKey: ["evaluations"],
  queryFn: async ({ pageParam }) =>
    (
      await unwrap(
        api.GET("/api/v1/evaluations", {
          params: { query: { limit: PAGE, ...(pageParam ? { before: pageParam } : {}) } },
        }),
      )
    ).items,
  initialPageParam: "",
  getNextPageParam: (page) => (page.length === PAGE ? page.at(-1)?.id : undefined),
  refetchInterval: ({ state }) =>
    state.data?.pages.some((page) => page.some(({ status }) => status === "running"))
      ? WATCH_MS
      : false,
});

/** A run, beside another one when its id is given. */
export const runQuery = (id: string, against: string) =>
  queryOptions({
    queryKey: ["evaluation", id, against],
    queryFn: () =>
      unwrap(
        api.GET("/api/v1/evaluations/{id}", {
          params: { path: { id }, query: against ? { against } : {} },
        }),
      ),
    refetchInterval: ({ state }) => (state.data?.status === "running" ? WATCH_MS : false),
  });

/** Whatever is known of runs changed. */
export async function refreshRuns(client: QueryClient) {
  await Promise.all([
    client.invalidateQueries({ queryKey: runsQuery.queryKey }),
    client.invalidateQueries({ queryKey: ["evaluation"] }),
  ]);
}

export const startRun = (body: Schemas["EvaluationRequest"]) =>
  unwrap(api.POST("/api/v1/evaluations", { body }));

export const cancelRun = (id: string) =>
  finish(api.POST("/api/v1/evaluations/{id}/cancel", { params: { path: { id } } }));

export const deleteRun = (id: string) =>
  finish(api.DELETE("/api/v1/evaluations/{id}", { params: { path: { id } } }));
