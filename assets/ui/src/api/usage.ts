// What questions cost: tokens and money by day, person and model.
import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import type { components } from "./schema";

type Schemas = components["schemas"];
export type UsageReport = Schemas["UsageReport"];
export type Sum = Schemas["Sum"];

export const usageQuery = (days: number) =>
  queryOptions({
    queryKey: ["usage", days],
    queryFn: () => unwrap(api.GET("/api/v1/usage", { params: { query: { days } } })),
  });

export const setLimits = (
  body: Pick<Schemas["PreferencesChange"], "user_tokens_per_day" | "organization_tokens_per_day">,
) => unwrap(api.PATCH("/api/v1/settings", { body }));
