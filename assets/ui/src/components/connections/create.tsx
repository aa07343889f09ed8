// Creates a connection and shows, once, the command that starts its agent.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, unwrap } from "@/api/client";
import type { ConnectionCreated } from "@/api/types";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { AgentCommand } from "./agent-command";

interface CreateProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  onFinished: (id: string) => void;
}

export function CreateConnection({ open, onOpenChange, onFinished }: CreateProps) {
  const client = useQueryClient();
  const [made, setMade] = useState<ConnectionCreated | null>(null);
  const create = useMutation({
    mutationFn: (name: string) =>
      unwrap(api.POST("/api/v1/connections", { body: { name, db_type: "POSTGRESQL" } })),
    onSuccess: (connection) => {
      setMade(connection);
      void client.invalidateQueries({ queryKey: ["connections"] });
    },
  });

  function change(next: boolean) {
    if (!next && made) onFinished(made.id);
    if (!next) {
      setMade(null);
      create.reset();
    }
    onOpenChange(next);
  }

  return (
    <Dialog
      open={open}
      onOpenChange={change}
      sticky={made !== null}
      wide={made !== null}
      title={made ? "Start the agent" : "New connection"}
      description={
        made
          ? "Run this on a machine that reaches the database."
          : "For a PostgreSQL database. You get a command to start its agent."
      }
    >
      {made ? (
        <>
          <AgentCommand made={made} />
          <div className="mt-5 flex justify-end">
            <Button variant="primary" onClick={() => change(false)}>
              I have copied it
            </Button>
          </div>
        </>
      ) : (
        <form
          className="space-y-4"
          onSubmit={(event) => {
            event.preventDefault();
            create.mutate(String(new FormData(event.currentTarget).get("name")).trim());
          }}
        >
          <Field
            label="Name"
            name="name"
            required
            maxLength={120}
            placeholder="Shop database"
            hint="How you and your colleagues will recognise it."
          />
          {create.isError && <Notice kind="error">{create.error.message}</Notice>}
          <div className="flex justify-end gap-2">
            <Button onClick={() => change(false)}>Cancel</Button>
            <Button type="submit" variant="primary" busy={create.isPending}>
              Create
            </Button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
