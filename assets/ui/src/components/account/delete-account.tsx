// The end of one's account; of the whole organisation, where its last owner goes.
import { useState } from "react";
import { deleteMe } from "@/api/account";
import { session } from "@/api/session";
import { Button } from "@/components/ui/button";
import { Card, CardHead } from "@/components/ui/card";
import { Choice, PasswordField } from "@/components/ui/field";
import { FormDialog, sentenceOf } from "@/components/ui/form-dialog";
import { Notice } from "@/components/ui/notice";
import { useUser } from "@/lib/use-session";

const LAST_OWNER = "last_owner";

export function DeleteAccount() {
  const user = useUser();
  const [open, setOpen] = useState(false);
  return (
    <Card aria-labelledby="delete">
      <CardHead
        id="delete"
        title="Delete your account"
        note="Your conversations, kept answers and API tokens go with it."
        action={
          <Button variant="danger" onClick={() => setOpen(true)}>
            Delete the account
          </Button>
        }
      />
      <div className="h-1" />
      <FormDialog
        open={open}
        onOpenChange={setOpen}
        title="Delete your account?"
        submit="Delete it for good"
        danger
        atFields={[LAST_OWNER]}
        run={async (form) => {
          await deleteMe({
            password: String(form.get("password")),
            ...(form.get("organization") ? { delete_organization: true as const } : {}),
          });
          session.ended("Your account was deleted.");
        }}
      >
        {(error) => (
          <>
            <p className="text-ink-soft">
              The account of <span className="font-semibold break-all text-ink">{user.email}</span>,
              your conversations, kept answers and API tokens are deleted. Files and connections
              stay with {user.organization.name}. This cannot be undone.
            </p>
            <PasswordField
              label="Your password"
              name="password"
              autoComplete="current-password"
              required
            />
            {sentenceOf(error, LAST_OWNER) && (
              <>
                <Notice kind="error">{error?.message}</Notice>
                <Choice
                  type="checkbox"
                  name="organization"
                  className="border border-line-strong"
                  title={`Delete ${user.organization.name} as well`}
                  note="With everything in it: members, files, connections, conversations and the audit log."
                />
              </>
            )}
          </>
        )}
      </FormDialog>
    </Card>
  );
}
