// The star that keeps an answer on the dashboard.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Star } from "lucide-react";
import { api, unwrap } from "@/api/client";
import { threads } from "@/api/threads";
import { Button } from "@/components/ui/button";
import { toast } from "@/components/ui/toast";
import { cn } from "@/lib/cn";

export function KeepButton({ id, kept }: { id: string; kept: boolean }) {
  const client = useQueryClient();
  const keep = useMutation({
    mutationFn: (next: boolean) =>
      unwrap(api.PATCH("/api/v1/query/{id}", { params: { path: { id } }, body: { kept: next } })),
    onSuccess: (_, next) => {
      threads.setKept(id, next);
      void client.invalidateQueries({ queryKey: ["queries"] });
      void client.invalidateQueries({ queryKey: ["conversations"] });
      if (next) toast.done("Kept. You find it on the dashboard.");
    },
    onError: (error) => toast.error(error),
  });
  const on = keep.isPending ? keep.variables : kept;
  return (
    <Button
      variant="ghost"
      size="icon-small"
      aria-pressed={on}
      aria-label={on ? "Kept. No longer keep this answer" : "Keep this answer"}
      title={on ? "No longer keep" : "Keep this answer"}
      onClick={() => keep.mutate(!kept)}
    >
      <Star aria-hidden className={cn(on && "fill-custard-strong text-custard-strong")} />
    </Button>
  );
}
