// The organisation's people, their roles, and who is invited.
import { useQuery } from "@tanstack/react-query";
import { UserPlus } from "lucide-react";
import { useState } from "react";
import { invitationsQuery, membersQuery, type Invitation } from "@/api/organization";
import { InvitationRow } from "@/components/members/invitation-row";
import { InvitationLink, Invite } from "@/components/members/invite";
import { MemberRow } from "@/components/members/member-row";
import { Only } from "@/components/only";
import { Part } from "@/components/settings/part";
import { Button } from "@/components/ui/button";
import { Card, CardHead } from "@/components/ui/card";
import { LoadError } from "@/components/ui/notice";
import { SkeletonRows } from "@/components/ui/skeleton";
import { roles, roleWords } from "@/lib/rights";
import { plural } from "@/lib/format";

export default function MemberSettings() {
  return (
    <Part title="Members">
      <Only least="admin">
        <Members />
      </Only>
    </Part>
  );
}

function Members() {
  const members = useQuery(membersQuery);
  const invitations = useQuery(invitationsQuery);
  const [inviting, setInviting] = useState(false);
  const [sent, setSent] = useState<Invitation | null>(null);
  return (
    <>
      <Card aria-labelledby="members">
        <CardHead
          id="members"
          title="Members"
          note={members.data && plural(members.data.length, "member")}
          action={
            <Button variant="primary" onClick={() => setInviting(true)}>
              <UserPlus aria-hidden />
              Invite
            </Button>
          }
        />
        {members.isPending ? (
          <div className="px-5 pb-5">
            <SkeletonRows count={3} />
          </div>
        ) : members.isError ? (
          <div className="px-5 pb-5">
            <LoadError error={members.error} retry={() => void members.refetch()} />
          </div>
        ) : (
          <ul className="divide-y divide-line border-t border-line">
            {members.data.map((member) => (
              <MemberRow key={member.id} member={member} />
            ))}
          </ul>
        )}
      </Card>
      {invitations.isError && (
        <LoadError error={invitations.error} retry={() => void invitations.refetch()} />
      )}
      {invitations.data && invitations.data.length > 0 && (
        <Card aria-labelledby="invitations">
          <CardHead
            id="invitations"
            title="Invitations"
            note="They become members when they follow the link."
          />
          <ul className="divide-y divide-line border-t border-line">
            {invitations.data.map((invitation) => (
              <InvitationRow key={invitation.id} invitation={invitation} onSent={setSent} />
            ))}
          </ul>
        </Card>
      )}
      <Card aria-labelledby="roles">
        <CardHead id="roles" title="What the roles may do" />
        <dl className="divide-y divide-line border-t border-line">
          {roles.map((role) => (
            <div key={role} className="grid gap-x-4 px-5 py-2.5 sm:grid-cols-[6rem_minmax(0,1fr)]">
              <dt className="font-semibold">{roleWords[role].name}</dt>
              <dd className="text-ink-soft">{roleWords[role].more}</dd>
            </div>
          ))}
        </dl>
      </Card>
      <Invite open={inviting} onOpenChange={setInviting} onInvited={setSent} />
      <InvitationLink invitation={sent} onDone={() => setSent(null)} />
    </>
  );
}
