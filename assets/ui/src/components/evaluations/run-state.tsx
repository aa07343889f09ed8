// How a run ended, where it did not simply finish.
import type { Run } from "@/api/evaluations";
import { Badge } from "@/components/ui/badge";

export function RunState({ run }: { run: Run }) {
  if (run.status === "running") return <Badge tone="berry">Running</Badge>;
  if (run.status === "cancelled") return <Badge>Cancelled</Badge>;
  if (run.status === "failed") return <Badge tone="bad">Failed</Badge>;
  return null;
}
