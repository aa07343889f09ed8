// An invitation that nobody took up yet: sent again, or withdrawn.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import {
  invitationsQuery,
  resendInvitation,
  withdrawInvitation,
  type Invitation,
} from "@/api/organization";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/dialog";
import { toast } from "@/components/ui/toast";
import { timeAgo, timeUntil } from "@/lib/format";
import { roleWords } from "@/lib/rights";

interface InvitationRowProps {
  invitation: Invitation;
  onSent: (invitation: Invitation) => void;
}

export function InvitationRow({ invitation, onSent }: InvitationRowProps) {
  const client = useQueryClient();
  const { id, email } = invitation;
  const { expired } = invitation;
  const changed = () => client.invalidateQueries({ queryKey: invitationsQuery.queryKey });
  const resend = useMutation({
    mutationFn: () => resendInvitation(id),
    onSuccess: (sent) => {
      onSent(sent);
      void changed();
    },
    onError: (error) => toast.error(error),
  });
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-2 px-5 py-3">
      <div className="min-w-0 flex-1 basis-60">
        <p className="flex flex-wrap items-center gap-x-2 gap-y-1">
          <span className="font-semibold break-all">{email}</span>
          {expired && <Badge tone="warn">Expired</Badge>}
        </p>
        <p className="text-sm text-ink-soft">
          {roleWords[invitation.role].name} · invited by {invitation.invited_by}{" "}
          {timeAgo(invitation.created_at)}
          {!expired && ` · works ${timeUntil(invitation.expires_at)}`}
        </p>
      </div>
      <div className="flex gap-2">
        <Button
          size="small"
          busy={resend.isPending}
          aria-label={`Send the invitation of ${email} again`}
          onClick={() => resend.mutate()}
        >
          Send again
        </Button>
        <Confirm
          trigger={(open) => (
            <Button size="small" aria-label={`Withdraw the invitation of ${email}`} onClick={open}>
              Withdraw
            </Button>
          )}
          title="Withdraw this invitation?"
          confirm="Withdraw"
          onConfirm={async () => {
            await withdrawInvitation(id);
            await changed();
            toast.done("The invitation was withdrawn.");
          }}
        >
          The link that <span className="font-semibold break-all text-ink">{email}</span> got stops
          working.
        </Confirm>
      </div>
    </li>
  );
}
