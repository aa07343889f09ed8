// One member: who it is, what their role is, and the way to change or end it.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { ShieldCheck } from "lucide-react";
import { membersQuery, removeMember, setRole, type Member } from "@/api/organization";
import type { Role } from "@/api/types";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/dialog";
import { Select } from "@/components/ui/field";
import { toast } from "@/components/ui/toast";
import { timeAgo } from "@/lib/format";
import { atLeast, roles, roleWords } from "@/lib/rights";
import { useUser } from "@/lib/use-session";

export function MemberRow({ member }: { member: Member }) {
  const user = useUser();
  const client = useQueryClient();
  const self = member.id === user.id;
  const name = member.name || member.email;
  // Nobody raises anybody above themselves, and only owners touch owners.
  const mayManage = !self && atLeast(user.role, member.role);
  const change = useMutation({
    mutationFn: (role: Role) => setRole(member.id, role),
    onSuccess: (_, role) => toast.done(`${name} is now ${roleWords[role].name.toLowerCase()}.`),
    onError: (error) => toast.error(error),
    onSettled: () => client.invalidateQueries({ queryKey: membersQuery.queryKey }),
  });
  const facts = [
    member.name && member.email,
    member.last_seen_at ? `last seen ${timeAgo(member.last_seen_at)}` : "never logged in",
  ].filter(Boolean);
  const role = change.isPending ? change.variables : member.role;

  return (
    <li className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-3 gap-y-2 px-5 py-3 sm:grid-cols-[minmax(0,1fr)_8.5rem_5.5rem]">
      <div className="min-w-0 max-sm:col-span-2">
        <p className="flex flex-wrap items-center gap-x-2 gap-y-1">
          <span className="font-semibold break-words">{name}</span>
          {self && <Badge tone="custard">You</Badge>}
          {!member.verified && (
            <Badge tone="warn" title="The address was not confirmed yet">
              Not confirmed
            </Badge>
          )}
          {member.totp && (
            <ShieldCheck className="size-4 text-good" aria-label="Has a second factor" />
          )}
        </p>
        <p className="text-sm break-words text-ink-soft">{facts.join(" · ")}</p>
      </div>
      {mayManage ? (
        <Select
          aria-label={`Role of ${name}`}
          value={role}
          disabled={change.isPending}
          onChange={(event) => change.mutate(event.target.value as Role)}
        >
          {roles
            .filter((choice) => atLeast(user.role, choice))
            .map((choice) => (
              <option key={choice} value={choice}>
                {roleWords[choice].name}
              </option>
            ))}
        </Select>
      ) : (
        <span className="px-3 text-sm sm:px-3">{roleWords[member.role].name}</span>
      )}
      {mayManage ? (
        <Confirm
          trigger={(open) => (
            <Button size="small" aria-label={`Remove ${name}`} onClick={open}>
              Remove
            </Button>
          )}
          title={`Remove ${name}?`}
          confirm="Remove"
          onConfirm={async () => {
            await removeMember(member.id);
            await client.invalidateQueries({ queryKey: membersQuery.queryKey });
            toast.done(`${name} was removed.`);
          }}
        >
          The account of <span className="font-semibold break-all text-ink">{member.email}</span> is
          deleted: its sessions end at once, its API tokens stop working, and its conversations are
          gone. Files and connections stay.
        </Confirm>
      ) : (
        <span />
      )}
    </li>
  );
}
