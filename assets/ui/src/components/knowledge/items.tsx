// One line each for what was taught, with what may be done to it.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Check, Pencil, Trash2 } from "lucide-react";
import { useState, type ReactNode } from "react";
import {
  changeEntry,
  changeExample,
  deleteEntry,
  deleteExample,
  refresh,
  type Entry,
  type Example,
} from "@/api/teaching";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/dialog";
import { toast } from "@/components/ui/toast";
import { timeAgo } from "@/lib/format";
import { originWords } from "@/lib/knowledge";
import { useAtLeast } from "@/lib/rights";
import { EntryForm } from "./entry-form";
import { ExampleForm } from "./example-form";

export function EntryItem({ entry }: { entry: Entry }) {
  const [editing, setEditing] = useState(false);
  return (
    <Item
      name={entry.name}
      sources={entry.source_name ? [entry.source_name] : []}
      item={entry}
      approve={() => changeEntry(entry.id, { status: "active" })}
      remove={() => deleteEntry(entry.id)}
      edit={() => setEditing(true)}
    >
      <p
        className={
          entry.kind === "metric"
            ? "mt-0.5 font-mono text-[0.84rem] break-words"
            : "mt-0.5 break-words text-ink-soft"
        }
      >
        {entry.text}
      </p>
      <EntryForm of={entry} open={editing} onOpenChange={setEditing} />
    </Item>
  );
}

export function ExampleItem({ example }: { example: Example }) {
  const [editing, setEditing] = useState(false);
  return (
    <Item
      name={example.question}
      sources={example.source_names}
      item={example}
      approve={() => changeExample(example.id, { status: "active" })}
      remove={() => deleteExample(example.id)}
      edit={() => setEditing(true)}
    >
      <pre className="mt-1.5 overflow-x-hidden rounded-lg bg-sunken px-3 py-2 font-mono text-[0.8125rem] leading-relaxed break-words whitespace-pre-wrap">
        {example.query}
      </pre>
      <ExampleForm example={example} open={editing} onOpenChange={setEditing} />
    </Item>
  );
}

interface ItemProps {
  name: string;
  sources: readonly string[];
  item: Entry | Example;
  approve: () => Promise<unknown>;
  remove: () => Promise<void>;
  edit: () => void;
  children: ReactNode;
}

function Item({ name, sources, item, approve, remove, edit, children }: ItemProps) {
  const client = useQueryClient();
  const mayTeach = useAtLeast("analyst");
  const suggested = item.status === "suggested";
  const approval = useMutation({
    mutationFn: approve,
    onSuccess: async () => {
      await refresh(client);
      toast.done("Approved. It is used from now on.");
    },
    onError: toast.error,
  });
  const facts = [
    originWords[item.origin],
    item.created_by && `by ${item.created_by.name}`,
    timeAgo(item.updated_at),
  ].filter(Boolean);
  return (
    <li className="flex flex-wrap items-start gap-x-4 gap-y-2 px-5 py-3.5">
      <div className="min-w-0 flex-1 basis-72">
        <p className="flex flex-wrap items-center gap-x-2 gap-y-1">
          <span className="font-semibold break-words">{name}</span>
          {sources.map((source) => (
            <Badge key={source} className="max-w-60">
              <span className="truncate">{source}</span>
            </Badge>
          ))}
        </p>
        {children}
        <p className="mt-1 text-sm text-ink-faint">{facts.join(" ")}</p>
      </div>
      {mayTeach && (
        <div className="flex items-center gap-1">
          {suggested && (
            <Button size="small" busy={approval.isPending} onClick={() => approval.mutate()}>
              <Check aria-hidden />
              Approve
            </Button>
          )}
          <Button
            variant="ghost"
            size="icon-small"
            aria-label={`Change ${name}`}
            title="Change"
            onClick={edit}
          >
            <Pencil aria-hidden />
          </Button>
          <Confirm
            trigger={(open) => (
              <Button
                variant="ghost"
                size="icon-small"
                aria-label={`${suggested ? "Dismiss" : "Delete"} ${name}`}
                title={suggested ? "Dismiss" : "Delete"}
                onClick={open}
              >
                <Trash2 aria-hidden />
              </Button>
            )}
            title={suggested ? "Dismiss this suggestion?" : "Delete this?"}
            confirm={suggested ? "Dismiss" : "Delete"}
            onConfirm={async () => {
              await remove();
              await refresh(client);
            }}
          >
            <span className="font-semibold break-words text-ink">{name}</span>{" "}
            {suggested ? "is not offered again." : "is forgotten from the next question on."}
          </Confirm>
        </div>
      )}
    </li>
  );
}
