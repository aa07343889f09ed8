// The paste-ready command that starts an agent, with its key; both are shown this one time.
import type { ConnectionCreated } from "@/api/types";
import { CopyButton } from "@/components/ui/copy-button";
import { Notice } from "@/components/ui/notice";

export function AgentCommand({ made }: { made: ConnectionCreated }) {
  return (
    <div className="space-y-4">
      <Notice kind="warning" title="The key is shown only this once">
        Keep the command somewhere safe. If the key is lost, make a new one on the connection’s
        page.
      </Notice>
      <Snippet label="Agent command" text={made.agent_command} />
      <dl className="space-y-3 text-sm">
        <Value name="Key" value={made.api_key} />
        <Value name="Address" value={made.websocket_url} />
      </dl>
      <p className="text-sm text-ink-soft">
        The database address and password are read by the agent where it runs; they are never sent
        here. A role that may only read is best: the agent tells you if it could write.
      </p>
    </div>
  );
}

function Snippet({ label, text }: { label: string; text: string }) {
  return (
    <div className="rounded-xl border border-line bg-sunken">
      <div className="flex items-center justify-between border-b border-line py-1 pr-1.5 pl-3">
        <span className="text-sm font-semibold">{label}</span>
        <CopyButton label="Copy command" text={() => text} />
      </div>
      {/* Scrolled by keyboard, so it has to take the focus. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <pre tabIndex={0} className="overflow-x-auto p-3 font-mono text-[0.8125rem] leading-relaxed">
        {text}
      </pre>
    </div>
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
