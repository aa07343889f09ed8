// Creates a connection and shows, once, the command that starts its agent.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, unwrap } from "@/api/client";
import type { ConnectionCreated, Kind } from "@/api/types";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { connectionKinds, kindLabel } from "@/lib/kinds";
import { AgentCommand } from "./agent-command";
import { KindPicker } from "./kind-picker";

interface CreateProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  onFinished: (id: string) => void;
}

export function CreateConnection({ open, onOpenChange, onFinished }: CreateProps) {
  const client = useQueryClient();
  const [kind, setKind] = useState<Kind>(connectionKinds[0] ?? "POSTGRESQL");
  const [made, setMade] = useState<ConnectionCreated | null>(null);
  const create = useMutation({
    mutationFn: (name: string) =>
      unwrap(api.POST("/api/v1/connections", { body: { name, db_type: kind } })),
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
      title={made ? `Connect ${made.name}` : "New connection"}
      description={
        made
          ? "It dials out to this server: no port is opened where it runs."
          : "You get a command that starts an agent beside the database."
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
          {connectionKinds.length > 1 ? (
            <KindPicker value={kind} onChange={setKind} />
          ) : (
            <p className="text-sm text-ink-soft">Kind of database: {kindLabel(kind)}</p>
          )}
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
