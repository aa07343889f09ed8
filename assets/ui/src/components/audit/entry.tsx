// One line of the audit log, which opens to all that was written down.
import { ChevronRight } from "lucide-react";
import type { AuditEntry } from "@/api/operations";
import { actionWords, detailText } from "@/lib/audit";
import { formatMoment } from "@/lib/format";

export function AuditLine({ entry }: { entry: AuditEntry }) {
  const details = Object.entries(entry.details);
  return (
    <li>
      <details className="group">
        <summary className="grid list-none grid-cols-[1rem_minmax(0,1fr)] items-baseline gap-x-3 gap-y-0.5 px-5 py-2.5 outline-offset-[-2px] hover:bg-sunken/70 md:grid-cols-[1rem_10.5rem_minmax(0,1.2fr)_minmax(0,1.6fr)] [&::-webkit-details-marker]:hidden">
          <ChevronRight
            className="size-4 self-center text-ink-faint transition-transform group-open:rotate-90"
            aria-hidden
          />
          <time
            dateTime={entry.at}
            className="text-sm whitespace-nowrap text-ink-soft tabular-nums max-md:order-last max-md:col-start-2"
          >
            {formatMoment(entry.at)}
          </time>
          <span className="truncate max-md:col-start-2" title={entry.actor}>
            {entry.actor}
          </span>
          <span className="min-w-0 font-semibold break-words max-md:order-first max-md:col-start-2 max-md:row-start-1">
            {deedWords(entry)}
            {entry.target_kind && (
              <span className="font-normal text-ink-soft"> · {targetName(entry)}</span>
            )}
          </span>
        </summary>
        <dl className="mx-5 mb-3 grid gap-x-4 gap-y-1 rounded-xl bg-sunken p-3 text-sm sm:ml-12 sm:grid-cols-[9rem_minmax(0,1fr)]">
          <Item name="Action">{entry.action}</Item>
          {entry.target_kind && (
            <Item name="Target">
              {entry.target_kind} {entry.target_id}
            </Item>
          )}
          <Item name="From">{entry.ip ?? "not known"}</Item>
          {details.map(([name, value]) => {
            const text = detailText(value);
            if (text === null) return null;
            return (
              <Item key={name} name={name.replace(/_/g, " ")}>
                {name === "query" ? (
                  <code className="font-mono text-[0.8125rem]">{text}</code>
                ) : (
                  text
                )}
              </Item>
            );
          })}
        </dl>
      </details>
    </li>
  );
}

function deedWords({ action, details }: AuditEntry): string {
  return action === "query.run" && details.translator === "user"
    ? "Ran a query"
    : actionWords(action);
}

/** What it was done to, by its name where that was written down. */
function targetName({ target_kind, details }: AuditEntry): string {
  const name = details.name ?? details.email ?? details.question;
  return typeof name === "string" && name ? `${target_kind} “${name}”` : target_kind;
}

function Item({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <>
      <dt className="text-ink-soft first-letter:uppercase">{name}</dt>
      <dd className="min-w-0 break-words whitespace-pre-wrap">{children}</dd>
    </>
  );
}
