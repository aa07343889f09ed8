// The heading of a conversation, with the way to delete it.
import { useQueryClient } from "@tanstack/react-query";
import { Plus, Trash2 } from "lucide-react";
import { useNavigate } from "react-router";
import { api, finish } from "@/api/client";
import { threads } from "@/api/threads";
import { Button, ButtonLink } from "./ui/button";
import { Confirm } from "./ui/dialog";

interface ConversationHeadProps {
  /** None until the server has taken the first question up; the heading keeps its place meanwhile. */
  id: string | null;
  title: string;
}

export function ConversationHead({ id, title }: ConversationHeadProps) {
  const client = useQueryClient();
  const navigate = useNavigate();

  async function remove() {
    if (!id) return;
    await finish(api.DELETE("/api/v1/conversations/{id}", { params: { path: { id } } }));
    await navigate("/ask");
    threads.forget(id);
    client.removeQueries({ queryKey: ["conversations", id] });
    void client.invalidateQueries({ queryKey: ["conversations"], exact: true });
    void client.invalidateQueries({ queryKey: ["queries"] });
  }

  return (
    <div className="flex items-center gap-2 pt-5 pb-4">
      <h1 className="min-w-0 flex-1 truncate text-lg" title={title}>
        {title}
      </h1>
      <ButtonLink to="/ask" variant="ghost" size="small">
        <Plus aria-hidden />
        New
      </ButtonLink>
      <Confirm
        trigger={(open) => (
          <Button
            variant="ghost"
            size="icon-small"
            aria-label="Delete this conversation"
            title="Delete this conversation"
            disabled={!id}
            onClick={open}
          >
            <Trash2 aria-hidden />
          </Button>
        )}
        title="Delete this conversation?"
        confirm="Delete"
        onConfirm={remove}
      >
        Its questions, answers and stored results are deleted. Your sources stay as they are.
      </Confirm>
    </div>
  );
}
