// How to start an agent, step by step: a role that may only read, the paste-ready command with its key (both shown
// this one time), and the live sight of the agent calling.
import { useQuery } from "@tanstack/react-query";
import { CircleCheck, LoaderCircle } from "lucide-react";
import type { ReactNode } from "react";
import { connectionQuery } from "@/api/queries";
import type { ConnectionCreated } from "@/api/types";
import { CopyButton } from "@/components/ui/copy-button";
import { Snippet } from "@/components/ui/snippet";
import { ReaderRole } from "./reader-role";

export function AgentCommand({ made }: { made: ConnectionCreated }) {
  return (
    <ol className="space-y-6">
      <Step number={1} title="Give the agent a role that may only read">
        <p className="mb-2 text-sm text-ink-soft">
          Its password is read by the agent where it runs and never sent here. Skip this if you have
          such a role.
        </p>
        <ReaderRole kind={made.db_type} />
      </Step>
      <Step number={2} title="Start the agent on a machine that reaches the database">
        <p className="mb-2 text-sm font-semibold text-warn">
          The key is shown only this once; if it is lost, make a new one on the connection’s page.
        </p>
        <Snippet label="Agent command" copyLabel="Copy command" text={made.agent_command} />
        <dl className="mt-2 space-y-1 text-sm">
          <Value name="Key" value={made.api_key} />
          <Value name="Address" value={made.websocket_url} />
        </dl>
      </Step>
      <Step number={3} title="See it call">
        <Calling id={made.id} />
      </Step>
    </ol>
  );
}

interface StepProps {
  number: number;
  title: string;
  children: ReactNode;
}

function Step({ number, title, children }: StepProps) {
  return (
    <li className="grid grid-cols-[minmax(0,1fr)] gap-x-3 sm:grid-cols-[1.75rem_minmax(0,1fr)]">
      <span
        aria-hidden
        className="grid size-7 place-items-center rounded-full bg-custard-soft text-sm font-bold max-sm:hidden"
      >
        {number}
      </span>
      <div className="min-w-0">
        <h3 className="pt-1 pb-1.5 text-[0.9375rem]">{title}</h3>
        {children}
      </div>
    </li>
  );
}

/** Says the moment the agent called, and whether it reached its database. */
function Calling({ id }: { id: string }) {
  const connection = useQuery(connectionQuery(id)).data;
  const online = connection?.agent === "online";
  const Icon = online ? CircleCheck : LoaderCircle;
  return (
    <p role="status" className="flex min-h-6 items-start gap-2 text-sm">
      <Icon
        aria-hidden
        className={`mt-0.5 size-4 shrink-0 ${online ? "text-good" : "animate-spin text-ink-faint"}`}
      />
      {!online
        ? "Waiting for the agent… This turns green the moment it calls."
        : connection.database === "unreachable"
          ? `The agent is online but cannot reach the database: ${connection.message ?? "no reason given."}`
          : "The agent is online. You can ask this database now."}
    </p>
  );
}

function Value({ name, value }: { name: string; value: string }) {
  return (
    <div className="flex items-center gap-3">
      <dt className="w-16 shrink-0 text-ink-soft">{name}</dt>
      <dd className="min-w-0 flex-1 truncate font-mono text-[0.8125rem]" title={value}>
        {value}
      </dd>
      <CopyButton
        iconOnly
        size="icon-small"
        label={`Copy ${name.toLowerCase()}`}
        text={() => value}
      />
    </div>
  );
}
