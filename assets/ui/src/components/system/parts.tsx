// How each part of the server is doing, with the last thing that went wrong.
import type { ReactNode } from "react";
import type { LastError, SystemStatus } from "@/api/operations";
import { LiveDot } from "@/components/ui/badge";
import { Card, CardHead } from "@/components/ui/card";
import { Fact, Facts } from "@/components/ui/facts";
import { formatBytes, formatDuration, plural, timeAgo } from "@/lib/format";

export function HealthParts({ status }: { status: SystemStatus }) {
  const { store, storage, mail, model, bus, agents } = status;
  return (
    <Card aria-labelledby="parts">
      <CardHead id="parts" title="Health" note="Looked at every ten seconds." />
      <ul className="divide-y divide-line border-t border-line">
        <Part
          name="Own records"
          ok={store.ok}
          error={store.last_error}
          note={`${kinds[store.kind] ?? store.kind} · ${store.pool.in_use} of ${plural(store.pool.size, "connection")} in use`}
        />
        <Part
          name="File storage"
          ok={storage.ok}
          error={storage.last_error}
          note={kinds[storage.kind] ?? storage.kind}
        />
        {mail && (
          <Part
            name="Mail"
            ok={mail.ok}
            error={mail.last_error ? { message: mail.last_error } : null}
            note={[
              kinds[mail.kind] ?? mail.kind,
              `${mail.queued} waiting`,
              mail.failed > 0 && `${mail.failed} given up`,
            ]
              .filter(Boolean)
              .join(" · ")}
          />
        )}
        <Part
          name="Translator"
          ok={model.ok}
          error={model.last_error}
          note={
            model.kind === "llm"
              ? [model.model, model.base_url].filter(Boolean).join(" at ")
              : "Built-in, offline"
          }
        />
        <Part
          name="Other servers"
          ok={bus.ok}
          error={null}
          note={
            bus.kind === "alone"
              ? "This one is alone with its records"
              : "Told at once through PostgreSQL"
          }
        />
        <Part
          name="Agents"
          ok={agents.online > 0 ? true : null}
          error={null}
          note={`${agents.online} online, for ${plural(agents.connections, "connection")}`}
        />
      </ul>
    </Card>
  );
}

const kinds: Record<string, string | undefined> = {
  sqlite: "SQLite",
  postgresql: "PostgreSQL",
  local: "Local folder",
  folder: "Local folder",
  s3: "S3",
  cloudinary: "Cloudinary",
  smtp: "SMTP",
  outbox: "Outbox folder",
};

interface PartProps {
  name: string;
  /** Null: it was not needed yet. */
  ok: boolean | null | undefined;
  note: ReactNode;
  /** When it was is not always known. */
  error: Trouble | null | undefined;
}

function Part({ name, ok, note, error }: PartProps) {
  const words = ok == null ? ": not in use" : ok ? ": works" : ": does not work";
  return (
    <li className="grid grid-cols-[0.5rem_minmax(0,1fr)] items-baseline gap-x-3 px-5 py-2.5 sm:grid-cols-[0.5rem_8rem_minmax(0,1fr)]">
      <LiveDot tone={ok == null ? "plain" : ok ? "good" : "bad"} />
      <span className="font-semibold">
        {name}
        <span className="sr-only">{words}</span>
      </span>
      <span className="min-w-0 text-sm break-words text-ink-soft max-sm:col-start-2">
        {note}
        {error && (
          <span className={ok === false ? "block text-bad" : "block"}>{lastWords(ok, error)}</span>
        )}
      </span>
    </li>
  );
}

type Trouble = Pick<LastError, "message"> & Partial<LastError>;

function lastWords(ok: PartProps["ok"], { message, at }: Trouble): string {
  const when = [ok !== false && "Last error", at && timeAgo(at)].filter(Boolean).join(", ");
  return when ? `${when}: ${message}` : message;
}

export function Numbers({ status }: { status: SystemStatus }) {
  return (
    <Card aria-labelledby="numbers">
      <CardHead id="numbers" title="Load" />
      <Facts>
        <Fact name="Running for">{formatDuration(status.uptime_seconds * 1000)}</Fact>
        {status.memory.rss_bytes != null && (
          <Fact name="Memory">{formatBytes(status.memory.rss_bytes)}</Fact>
        )}
        {status.queues.map(({ name, depth }) => (
          <Fact key={name} name={sentence(name)}>
            {depth}
          </Fact>
        ))}
      </Facts>
    </Card>
  );
}

export function Caches({ status }: { status: SystemStatus }) {
  if (status.caches.length === 0) return null;
  const columns = ["Entries", "Size", "Found there"];
  return (
    <Card aria-labelledby="caches">
      <CardHead id="caches" title="Caches" note="In memory; dropped when what they hold changes." />
      <div className="overflow-x-auto border-t border-line">
        <table className="w-full text-sm tabular-nums">
          <thead>
            <tr className="text-left text-ink-soft [&_th]:py-2 [&_th]:pr-5 [&_th]:font-semibold [&_th:first-child]:pl-5">
              <th scope="col">Cache</th>
              {columns.map((column) => (
                <th key={column} scope="col" className="text-right">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody className="divide-y divide-line [&_td]:py-2 [&_td]:pr-5 [&_td]:text-right [&_th]:py-2 [&_th]:pl-5">
            {status.caches.map((cache) => (
              <tr key={cache.name}>
                <th scope="row" className="text-left font-semibold">
                  {sentence(cache.name)}
                </th>
                <td>{cache.entries.toLocaleString("en")}</td>
                <td className="whitespace-nowrap">
                  {cache.bytes == null ? "–" : formatBytes(cache.bytes)}
                </td>
                <td className="whitespace-nowrap">{hitRate(cache.hits, cache.misses)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}

function sentence(name: string): string {
  const text = name.replace(/_/g, " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function hitRate(hits?: number | null, misses?: number | null): string {
  const all = (hits ?? 0) + (misses ?? 0);
  return hits == null || all === 0 ? "–" : `${Math.round((100 * hits) / all)} %`;
}
