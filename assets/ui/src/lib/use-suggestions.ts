// How many suggestions wait for approval.
import { useQuery } from "@tanstack/react-query";
import { examplesQuery, glossaryQuery } from "@/api/teaching";

const suggested = (items: readonly { status: string }[]) =>
  items.filter(({ status }) => status === "suggested").length;

export function useSuggestions(enabled: boolean): number {
  const entries = useQuery({ ...glossaryQuery, enabled, select: suggested }).data ?? 0;
  const examples = useQuery({ ...examplesQuery, enabled, select: suggested }).data ?? 0;
  return entries + examples;
}
