// Chooses what a question is asked of: automatic, some files, or one connection.
import { useQuery } from "@tanstack/react-query";
import { Cable, ChevronDown, Database, FileSpreadsheet, Sparkles } from "lucide-react";
import type { ReactNode } from "react";
import { connectionsQuery, filesQuery } from "@/api/queries";
import type { AnswerSource, Connection, DataFile } from "@/api/types";
import { cn } from "@/lib/cn";
import { plural } from "@/lib/format";
import { kindWords } from "@/lib/kinds";
import { LiveDot } from "./ui/badge";
import { Button } from "./ui/button";
import { Popover } from "./ui/menu";

export type SourceChoice =
  { kind: "auto" } | { kind: "files"; ids: readonly string[] } | { kind: "connection"; id: string };

/** The part of a request's body that names the chosen sources. */
export function sourceBody(choice: SourceChoice) {
  if (choice.kind === "files") return { file_ids: [...choice.ids] };
  if (choice.kind === "connection") return { connection_id: choice.id };
  return {};
}

/** The ids of an answer's files: one source may stand for several files, its ids then joined by commas. */
export function fileIds(sources: readonly AnswerSource[]): string[] {
  return sources
    .filter((source) => source.kind === "file")
    .flatMap((source) => source.id.split(",").filter(Boolean));
}

interface SourcePickerProps {
  value: SourceChoice;
  onChange: (choice: SourceChoice) => void;
}

export function SourcePicker({ value, onChange }: SourcePickerProps) {
  const files = useQuery(filesQuery).data ?? [];
  const connections = useQuery(connectionsQuery).data ?? [];

  function toggleFile(id: string) {
    const ids = value.kind === "files" ? value.ids : [];
    const next = ids.includes(id) ? ids.filter((other) => other !== id) : [...ids, id];
    onChange(next.length ? { kind: "files", ids: next } : { kind: "auto" });
  }

  return (
    <Popover
      label="Choose the sources"
      side="top"
      className="max-h-[min(24rem,60dvh)] w-80 overflow-y-auto"
      trigger={
        <Button variant="ghost" size="small" className="max-w-[55vw] sm:max-w-80">
          <Database aria-hidden />
          <span className="sr-only">Sources: </span>
          <span className="truncate">{describe(value, files, connections)}</span>
          <ChevronDown aria-hidden />
        </Button>
      }
    >
      <Choice
        type="radio"
        checked={value.kind === "auto"}
        onChange={() => onChange({ kind: "auto" })}
        icon={<Sparkles aria-hidden />}
        title="Automatic"
        note="Finds the sources that fit the question"
      />
      {connections.length > 0 && <GroupTitle>Connections</GroupTitle>}
      {connections.map((connection) => (
        <Choice
          key={connection.id}
          type="radio"
          checked={value.kind === "connection" && value.id === connection.id}
          onChange={() => onChange({ kind: "connection", id: connection.id })}
          icon={<Cable aria-hidden />}
          title={connection.name}
          note={
            <span className="flex items-center gap-1.5">
              <LiveDot tone={connection.agent === "online" ? "good" : "plain"} />
              {connection.agent === "online"
                ? plural(connection.table_count, kindWords(connection.db_type).table)
                : "offline"}
            </span>
          }
        />
      ))}
      {files.length > 0 && <GroupTitle>Files</GroupTitle>}
      {files.map((file) => (
        <Choice
          key={file.id}
          type="checkbox"
          checked={value.kind === "files" && value.ids.includes(file.id)}
          onChange={() => toggleFile(file.id)}
          icon={<FileSpreadsheet aria-hidden />}
          title={file.name}
          note={plural(
            file.tables.reduce((sum, table) => sum + table.row_count, 0),
            "row",
          )}
        />
      ))}
    </Popover>
  );
}

function describe(
  value: SourceChoice,
  files: readonly DataFile[],
  connections: readonly Connection[],
): string {
  if (value.kind === "auto") return "Automatic";
  if (value.kind === "connection")
    return connections.find((connection) => connection.id === value.id)?.name ?? "Connection";
  const first = files.find((file) => file.id === value.ids[0])?.name ?? "1 file";
  return value.ids.length === 1 ? first : `${first} + ${value.ids.length - 1}`;
}

function GroupTitle({ children }: { children: ReactNode }) {
  return <p className="px-2.5 pt-3 pb-1 text-xs font-semibold text-ink-faint">{children}</p>;
}

interface ChoiceProps {
  type: "radio" | "checkbox";
  checked: boolean;
  onChange: () => void;
  icon: ReactNode;
  title: string;
  note: ReactNode;
}

function Choice({ type, checked, onChange, icon, title, note }: ChoiceProps) {
  return (
    <label
      className={cn(
        "flex cursor-pointer items-center gap-3 rounded-lg px-2.5 py-2 hover:bg-sunken [&_svg]:size-4 [&_svg]:text-ink-soft",
        checked && "bg-custard-soft hover:bg-custard-soft",
      )}
    >
      <input
        type={type}
        name={type === "radio" ? "source" : undefined}
        checked={checked}
        onChange={onChange}
        className="size-4 shrink-0 accent-custard-strong"
      />
      {icon}
      <span className="min-w-0 flex-1">
        <span className="block truncate text-sm font-semibold" title={title}>
          {title}
        </span>
        <span className="block text-xs text-ink-soft">{note}</span>
      </span>
    </label>
  );
}
