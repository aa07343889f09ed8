// Where one is logged in, and the end of any of it.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { MonitorSmartphone } from "lucide-react";
import { endSession, sessionsQuery, type OwnSession } from "@/api/account";
import { api, finish } from "@/api/client";
import { session } from "@/api/session";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Card, CardHead } from "@/components/ui/card";
import { Confirm } from "@/components/ui/dialog";
import { LoadError } from "@/components/ui/notice";
import { SkeletonRows } from "@/components/ui/skeleton";
import { toast } from "@/components/ui/toast";
import { timeAgo } from "@/lib/format";
import { browserName } from "@/lib/user-agent";

export function Sessions() {
  const sessions = useQuery(sessionsQuery);
  return (
    <Card aria-labelledby="sessions">
      <CardHead
        id="sessions"
        title="Sessions"
        note="Where you are logged in. End what you do not know, then change your password."
        action={
          <Confirm
            trigger={(open) => <Button onClick={open}>Log out everywhere</Button>}
            title="Log out everywhere?"
            confirm="Log out everywhere"
            onConfirm={async () => {
              await finish(api.POST("/api/v1/auth/logout-all-devices"));
              session.ended("You are logged out everywhere.");
            }}
          >
            All your sessions end at once, this one too. API tokens stay as they are.
          </Confirm>
        }
      />
      {sessions.isPending ? (
        <div className="px-5 pb-5">
          <SkeletonRows count={2} />
        </div>
      ) : sessions.isError ? (
        <div className="px-5 pb-5">
          <LoadError error={sessions.error} retry={() => void sessions.refetch()} />
        </div>
      ) : (
        <ul className="divide-y divide-line border-t border-line">
          {sessions.data.map((item) => (
            <SessionItem key={item.id} item={item} />
          ))}
        </ul>
      )}
    </Card>
  );
}

function SessionItem({ item }: { item: OwnSession }) {
  const client = useQueryClient();
  const name = browserName(item.user_agent);
  const facts = [
    item.ip,
    !item.current && `last used ${timeAgo(item.last_used_at)}`,
    `since ${timeAgo(item.created_at)}`,
  ].filter(Boolean);
  return (
    <li className="flex items-center gap-3 px-5 py-3">
      <MonitorSmartphone className="size-4.5 shrink-0 text-ink-soft" aria-hidden />
      <div className="min-w-0 flex-1">
        <p
          className="flex flex-wrap items-center gap-x-2 font-semibold"
          title={item.user_agent ?? undefined}
        >
          {name}
          {item.current && <Badge tone="good">This one</Badge>}
        </p>
        <p className="text-sm text-ink-soft">{facts.join(" · ")}</p>
      </div>
      {!item.current && (
        <Confirm
          trigger={(open) => (
            <Button size="small" aria-label={`End the session of ${name}`} onClick={open}>
              End
            </Button>
          )}
          title="End this session?"
          confirm="End the session"
          onConfirm={async () => {
            await endSession(item.id);
            await client.invalidateQueries({ queryKey: sessionsQuery.queryKey });
            toast.done("The session has ended.");
          }}
        >
          <span className="font-semibold text-ink">{name}</span> is logged out at once and has to
          log in again.
        </Confirm>
      )}
    </li>
  );
}
