// The key of a connection and the connection itself: a new key, no key, the end. Each asks first.
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { api, finish, unwrap } from "@/api/client";
import { connectionQuery } from "@/api/queries";
import type { Connection, ConnectionCreated } from "@/api/types";
import { Button } from "@/components/ui/button";
import { Card, CardHead } from "@/components/ui/card";
import { Confirm, Dialog } from "@/components/ui/dialog";
import { toast } from "@/components/ui/toast";
import { AgentCommand } from "./agent-command";

export function KeyCard({ connection }: { connection: Connection }) {
  const { id, name } = connection;
  const revoked = connection.key === "revoked";
  const client = useQueryClient();
  const navigate = useNavigate();
  const [made, setMade] = useState<ConnectionCreated | null>(null);

  async function rotate() {
    setMade(
      await unwrap(api.POST("/api/v1/connections/{id}/rotate-key", { params: { path: { id } } })),
    );
    void client.invalidateQueries({ queryKey: ["connections"] });
  }

  async function revoke() {
    const changed = await unwrap(
      api.POST("/api/v1/connections/{id}/revoke-key", { params: { path: { id } } }),
    );
    client.setQueryData(connectionQuery(id).queryKey, changed);
    void client.invalidateQueries({ queryKey: ["connections"] });
    toast.done("The key was revoked; no agent can connect with it.");
  }

  async function remove() {
    await finish(api.DELETE("/api/v1/connections/{id}", { params: { path: { id } } }));
    await navigate("/connections");
    client.removeQueries({ queryKey: ["connections", id] });
    void client.invalidateQueries({ queryKey: ["connections"], exact: true });
    toast.done(`${name} was deleted.`);
  }

  return (
    <Card aria-labelledby="key">
      <CardHead
        id="key"
        title="Agent key"
        note={
          revoked
            ? "Revoked: no agent can connect until you make a new key."
            : "Agents show this key when they call. It is stored hashed and cannot be shown again."
        }
        action={
          <div className="flex flex-wrap gap-2">
            <Confirm
              trigger={(open) => <Button onClick={open}>New key</Button>}
              title="Make a new key?"
              confirm="Make a new key"
              onConfirm={rotate}
            >
              The present key stops working at once, and an agent that uses it is disconnected until
              it is started with the new one.
            </Confirm>
            {!revoked && (
              <Confirm
                trigger={(open) => (
                  <Button variant="danger" onClick={open}>
                    Revoke
                  </Button>
                )}
                title="Revoke the key?"
                confirm="Revoke the key"
                onConfirm={revoke}
              >
                Every agent of this connection is cut off at once, and nobody can ask this database
                until you make a new key and start an agent with it.
              </Confirm>
            )}
          </div>
        }
      />
      <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2 border-t border-line px-5 py-4">
        <p className="min-w-0 text-sm text-ink-soft">
          Delete the connection with its key and schema. The database itself is not touched.
        </p>
        <Confirm
          trigger={(open) => (
            <Button variant="danger" onClick={open}>
              Delete
            </Button>
          )}
          title="Delete this connection?"
          confirm="Delete"
          onConfirm={remove}
        >
          <span className="font-semibold break-words text-ink">{name}</span>, its key and its schema
          are deleted here. The database itself is not touched.
        </Confirm>
      </div>
      <Dialog
        open={made !== null}
        onOpenChange={() => setMade(null)}
        sticky
        wide
        title="Start the agent with the new key"
        description="Agents with the old key are cut off already."
      >
        {made && <AgentCommand made={made} />}
        <div className="mt-5 flex justify-end">
          <Button variant="primary" onClick={() => setMade(null)}>
            I have copied it
          </Button>
        </div>
      </Dialog>
    </Card>
  );
}
