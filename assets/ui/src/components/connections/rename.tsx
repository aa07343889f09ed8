// Gives a connection another name.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import { connectionQuery } from "@/api/queries";
import type { Connection } from "@/api/types";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";

interface RenameProps {
  connection: Connection;
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

export function RenameConnection({ connection, open, onOpenChange }: RenameProps) {
  const client = useQueryClient();
  const rename = useMutation({
    mutationFn: (name: string) =>
      unwrap(
        api.PATCH("/api/v1/connections/{id}", {
          params: { path: { id: connection.id } },
          body: { name },
        }),
      ),
    onSuccess: (changed) => {
      client.setQueryData(connectionQuery(changed.id).queryKey, changed);
      void client.invalidateQueries({ queryKey: ["connections"], exact: true });
      onOpenChange(false);
    },
  });
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title="Rename the connection">
      <form
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault();
          rename.mutate(String(new FormData(event.currentTarget).get("name")).trim());
        }}
      >
        <Field label="Name" name="name" required maxLength={120} defaultValue={connection.name} />
        {rename.isError && <Notice kind="error">{rename.error.message}</Notice>}
        <div className="flex justify-end gap-2">
          <Button onClick={() => onOpenChange(false)}>Cancel</Button>
          <Button type="submit" variant="primary" busy={rename.isPending}>
            Save
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
