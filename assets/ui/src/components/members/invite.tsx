// Invites somebody; the link is shown as well, for where no mail is sent.
import { useQueryClient } from "@tanstack/react-query";
import { invitationsQuery, invite, type Invitation } from "@/api/organization";
import type { Role } from "@/api/types";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Choice, Field } from "@/components/ui/field";
import { FormDialog, textOf } from "@/components/ui/form-dialog";
import { Notice } from "@/components/ui/notice";
import { Snippet } from "@/components/ui/snippet";
import { atLeast, roles, roleWords } from "@/lib/rights";
import { useUser } from "@/lib/use-session";

interface InviteProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  onInvited: (invitation: Invitation) => void;
}

export function Invite({ open, onOpenChange, onInvited }: InviteProps) {
  const client = useQueryClient();
  const user = useUser();
  return (
    <FormDialog
      open={open}
      onOpenChange={onOpenChange}
      title="Invite somebody"
      description={`They make an account of their own in ${user.organization.name}.`}
      submit="Invite"
      run={async (form) => {
        onInvited(
          await invite({ email: textOf(form, "email"), role: textOf(form, "role") as Role }),
        );
        await client.invalidateQueries({ queryKey: invitationsQuery.queryKey });
      }}
    >
      {() => (
        <>
          <Field label="E-mail" name="email" type="email" autoComplete="off" required />
          <fieldset>
            <legend className="mb-1 text-sm font-semibold">Role</legend>
            {roles
              .filter((role) => atLeast(user.role, role))
              .map((role) => (
                <Choice
                  key={role}
                  type="radio"
                  name="role"
                  value={role}
                  defaultChecked={role === "analyst"}
                  title={roleWords[role].name}
                  note={roleWords[role].more}
                />
              ))}
          </fieldset>
        </>
      )}
    </FormDialog>
  );
}

interface InvitationLinkProps {
  invitation: Invitation | null;
  onDone: () => void;
}

/** The link to hand over, shown once. */
export function InvitationLink({ invitation, onDone }: InvitationLinkProps) {
  return (
    <Dialog
      open={invitation !== null}
      onOpenChange={onDone}
      sticky
      wide
      title="The invitation is on its way"
    >
      <p className="text-ink-soft">
        A mail goes to <span className="font-semibold break-all text-ink">{invitation?.email}</span>
        . If this server sends no mail, hand the link over yourself.
      </p>
      {invitation?.link && (
        <>
          <div className="mt-4">
            <Snippet label="Invitation link" copyLabel="Copy the link" text={invitation.link} />
          </div>
          <Notice kind="warning" className="mt-3">
            It is shown only this once, works once, and whoever has it can take the place.
          </Notice>
        </>
      )}
      <div className="mt-5 flex justify-end">
        <Button variant="primary" onClick={onDone}>
          Done
        </Button>
      </div>
    </Dialog>
  );
}
