// What the organization has taught the product: words, metrics, descriptions, examples; and what is thought of answers.
import { queryOptions, type QueryClient } from "@tanstack/react-query";
import { api, download, finish, unwrap } from "./client";
import type { components } from "./schema";

type Schemas = components["schemas"];
export type Entry = Schemas["GlossaryItem"];
export type EntryKind = Schemas["EntryKind"];
export type Example = Schemas["ExampleItem"];
export type Feedback = Schemas["FeedbackItem"];
export type Imported = Schemas["Imported"];

export const glossaryQuery = queryOptions({
  queryKey: ["glossary"],
  queryFn: async () => (await unwrap(api.GET("/api/v1/glossary"))).items,
});

export const examplesQuery = queryOptions({
  queryKey: ["examples"],
  queryFn: async () => (await unwrap(api.GET("/api/v1/examples"))).items,
});

/** What one has said of an answer; null when nothing. */
export const feedbackQuery = (id: string) =>
  queryOptions({
    queryKey: ["feedback", id],
    queryFn: async (): Promise<Feedback | null> => {
      const given = await unwrap(
        api.GET("/api/v1/query/{id}/feedback", { params: { path: { id } } }),
      );
      // 204 has no body.
      return (given as Feedback | undefined)?.verdict ? given : null;
    },
    staleTime: Infinity,
  });

/** Whatever was taught changed. */
export async function refresh(client: QueryClient) {
  await Promise.all([
    client.invalidateQueries({ queryKey: glossaryQuery.queryKey }),
    client.invalidateQueries({ queryKey: examplesQuery.queryKey }),
  ]);
}

export const addEntry = (body: Schemas["EntryRequest"]) =>
  unwrap(api.POST("/api/v1/glossary", { body }));

export const changeEntry = (id: string, body: Schemas["EntryChangeRequest"]) =>
  unwrap(api.PATCH("/api/v1/glossary/{id}", { params: { path: { id } }, body }));

export const deleteEntry = (id: string) =>
  finish(api.DELETE("/api/v1/glossary/{id}", { params: { path: { id } } }));

export const addExample = (body: Schemas["ExampleRequest"]) =>
  unwrap(api.POST("/api/v1/examples", { body }));

export const changeExample = (id: string, body: Schemas["ExampleChangeRequest"]) =>
  unwrap(api.PATCH("/api/v1/examples/{id}", { params: { path: { id } }, body }));

export const deleteExample = (id: string) =>
  finish(api.DELETE("/api/v1/examples/{id}", { params: { path: { id } } }));

export const giveFeedback = (id: string, body: Schemas["FeedbackRequest"]) =>
  unwrap(api.PUT("/api/v1/query/{id}/feedback", { params: { path: { id } }, body }));

export const takeFeedbackBack = (id: string) =>
  finish(api.DELETE("/api/v1/query/{id}/feedback", { params: { path: { id } } }));

/** Saves everything that is active, as YAML. */
export const exportTaught = () => download("/api/v1/glossary/export", "knowledge.yaml");

/** Takes a document in as a whole, or not at all. */
export const importTaught = (yaml: string, replace: boolean) =>
  unwrap(
    api.POST("/api/v1/glossary/import", {
      params: { query: { replace } },
      body: yaml,
      bodySerializer: (body) => body as string,
      headers: { "Content-Type": "application/yaml" },
    }),
  );
