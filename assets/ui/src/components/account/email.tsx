// The address to log in with, and its change: the new one counts once its link was followed.
import { useState } from "react";
import { changeEmail } from "@/api/account";
import { Button } from "@/components/ui/button";
import { Card, CardHead } from "@/components/ui/card";
import { Field, PasswordField } from "@/components/ui/field";
import { FormDialog, textOf } from "@/components/ui/form-dialog";
import { Notice } from "@/components/ui/notice";
import { useUser } from "@/lib/use-session";

export function EmailCard() {
  const user = useUser();
  const [open, setOpen] = useState(false);
  const [sentTo, setSentTo] = useState<string | null>(null);
  const waiting = sentTo !== null && sentTo !== user.email;
  return (
    <Card aria-labelledby="email">
      <CardHead
        id="email"
        title="E-mail"
        note={<span className="break-all">{user.email}</span>}
        action={<Button onClick={() => setOpen(true)}>Change the address</Button>}
      />
      {waiting ? (
        <Notice kind="info" className="mx-5 mb-5">
          A link is on its way to <strong className="break-all">{sentTo}</strong>. Until it is
          followed, you log in with the old address.
        </Notice>
      ) : (
        <div className="h-1" />
      )}
      <FormDialog
        open={open}
        onOpenChange={setOpen}
        title="Change the address"
        description="You get a link at the new one; it counts from the moment you follow it."
        submit="Send the link"
        run={async (form) => {
          const address = textOf(form, "email");
          await changeEmail({ email: address, password: String(form.get("password")) });
          setSentTo(address);
        }}
      >
        {() => (
          <>
            <Field label="New e-mail" name="email" type="email" autoComplete="email" required />
            <PasswordField
              label="Your password"
              name="password"
              autoComplete="current-password"
              required
            />
          </>
        )}
      </FormDialog>
    </Card>
  );
}
