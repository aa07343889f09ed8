// Adds the sample data by one click; not shown to those who may not add data.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { IceCreamCone } from "lucide-react";
import type { ComponentProps } from "react";
import { api, unwrap } from "@/api/client";
import { useAtLeast } from "@/lib/rights";
import { Button } from "./ui/button";
import { toast } from "./ui/toast";

export function AddSamples({ variant }: { variant?: ComponentProps<typeof Button>["variant"] }) {
  const client = useQueryClient();
  const allowed = useAtLeast("analyst");
  const add = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/samples")),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["files"] });
      void client.invalidateQueries({ queryKey: ["samples"] });
      toast.done("The sample data is here. Ask it something.");
    },
    onError: (error) => toast.error(error),
  });
  if (!allowed) return null;
  return (
    <Button variant={variant} busy={add.isPending} onClick={() => add.mutate()}>
      <IceCreamCone aria-hidden />
      Add sample data
    </Button>
  );
}
