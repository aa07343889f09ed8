// Outgoing mail: what waits, what was given up, and a test that says which step fails.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Send } from "lucide-react";
import {
  outgoingMailQuery,
  testMail,
  type OutgoingMail,
  type OutgoingMailPage,
} from "@/api/operations";
import { Steps } from "@/components/settings/steps";
import { Badge, type Tone } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Card, CardHead } from "@/components/ui/card";
import { LoadError, Notice } from "@/components/ui/notice";
import { SkeletonRows } from "@/components/ui/skeleton";
import { timeAgo, timeAhead } from "@/lib/format";

export function MailCard() {
  const client = useQueryClient();
  const mail = useQuery(outgoingMailQuery);
  const test = useMutation({
    mutationFn: testMail,
    onSettled: () => client.invalidateQueries({ queryKey: outgoingMailQuery.queryKey }),
  });
  return (
    <Card aria-labelledby="mail">
      <CardHead
        id="mail"
        title="Outgoing mail"
        note={mail.data && placeWords(mail.data)}
        action={
          <Button busy={test.isPending} onClick={() => test.mutate()}>
            <Send aria-hidden />
            Send a test to me
          </Button>
        }
      />
      {(test.isError || test.data) && (
        <div className="px-5 pb-4">
          {test.isError && <Notice kind="error">{test.error.message}</Notice>}
          {test.data && (
            <Steps
              title={testWords(test.data.ok, mail.data?.kind)}
              steps={test.data.steps}
              names={stepNames}
            />
          )}
        </div>
      )}
      {mail.isPending ? (
        <div className="px-5 pb-5">
          <SkeletonRows count={2} />
        </div>
      ) : mail.isError ? (
        <div className="px-5 pb-5">
          <LoadError error={mail.error} retry={() => void mail.refetch()} />
        </div>
      ) : mail.data.items.length === 0 ? (
        <p className="px-5 pb-5 text-ink-soft">Nothing waits, and nothing was sent lately.</p>
      ) : (
        <ul className="max-h-96 divide-y divide-line overflow-y-auto border-t border-line">
          {mail.data.items.map((item) => (
            <MailItem key={item.id} item={item} />
          ))}
        </ul>
      )}
    </Card>
  );
}

const stepNames: Record<string, string> = {
  resolve: "Find the server",
  connect: "Connect",
  tls: "Encryption",
  auth: "Log-in",
  send: "The letter",
};

function testWords(ok: boolean, kind: OutgoingMailPage["kind"] | undefined): string {
  if (!ok) return "The letter could not be sent.";
  return kind === "outbox" ? "The letter lies in the folder." : "The letter was sent.";
}

const states: Record<OutgoingMail["state"], { label: string; tone: Tone }> = {
  waiting: { label: "Waiting", tone: "custard" },
  sent: { label: "Sent", tone: "good" },
  failed: { label: "Given up", tone: "bad" },
};

function placeWords({ kind, place }: OutgoingMailPage): string {
  return kind === "smtp"
    ? `Sent through ${place}. What cannot be sent is tried again.`
    : `No mail server is configured: letters are put into ${place}, and links stand in the server’s log.`;
}

function MailItem({ item }: { item: OutgoingMail }) {
  const state = states[item.state];
  return (
    <li className="px-5 py-2.5">
      <p className="flex flex-wrap items-center justify-between gap-x-3 gap-y-1">
        <span className="min-w-0 break-all">
          <span className="font-semibold">{item.to}</span>
          {item.template && (
            <span className="text-ink-soft"> · {item.template.replace(/_/g, " ")}</span>
          )}
        </span>
        <Badge tone={state.tone}>{state.label}</Badge>
      </p>
      <p className="text-sm break-words text-ink-soft">
        {timeAgo(item.finished_at ?? item.created_at)}
        {item.attempts > 1 && ` · ${item.attempts} attempts`}
        {item.next_try_at && item.attempts > 0 && ` · tried again ${timeAhead(item.next_try_at)}`}
        {item.last_error && ` · ${item.last_error}`}
      </p>
    </li>
  );
}
