// Asks for a link that sets a new password.
import { useMutation } from "@tanstack/react-query";
import { MailCheck } from "lucide-react";
import { useLocation } from "react-router";
import { forgotPassword } from "@/api/account";
import { EntranceFrame } from "@/components/entrance";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { TextLink } from "@/components/ui/text-link";

export default function ForgotPassword() {
  const ask = useMutation({ mutationFn: forgotPassword });
  // The address that was typed at the log-in comes along.
  const typed = (useLocation().state as { email?: string } | null)?.email;
  const back = <TextLink to="/login">Back to the log-in</TextLink>;
  if (ask.isSuccess)
    return (
      <EntranceFrame
        title="Look into your mail"
        note={
          <>
            If there is an account for <strong>{ask.variables}</strong>, a link is on its way to it.
          </>
        }
        foot={back}
      >
        <p className="mb-4 flex items-start gap-3 text-sm text-ink-soft">
          <MailCheck className="mt-0.5 size-4.5 shrink-0" aria-hidden />
          It works once, and only for a while. Nothing there after a minute? Look into the spam
          folder, or check that you log in with this address.
        </p>
        <Button className="w-full" onClick={() => ask.reset()}>
          Try another address
        </Button>
      </EntranceFrame>
    );
  return (
    <EntranceFrame
      title="Forgot your password?"
      note="You get a link by mail that sets a new one."
      foot={back}
    >
      <form
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault();
          ask.mutate(String(new FormData(event.currentTarget).get("email")).trim());
        }}
      >
        <Field
          label="E-mail"
          name="email"
          type="email"
          autoComplete="username"
          required
          defaultValue={ask.variables ?? typed}
        />
        {ask.isError && <Notice kind="error">{ask.error.message}</Notice>}
        <Button type="submit" variant="primary" className="w-full" busy={ask.isPending}>
          Send the link
        </Button>
      </form>
    </EntranceFrame>
  );
}
