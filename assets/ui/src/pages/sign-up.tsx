// Sign-up: a new account, then the hint to look into the mail.
import { useMutation, useQuery } from "@tanstack/react-query";
import { MailCheck } from "lucide-react";
import { useState, type ReactNode } from "react";
import { useNavigate } from "react-router";
import { authOptionsQuery, signUp, type AuthOptions, type SignUp as Body } from "@/api/account";
import { EntranceFrame } from "@/components/entrance";
import { Providers } from "@/components/entrance/providers";
import { ResendVerification } from "@/components/entrance/resend";
import { Button, ButtonLink } from "@/components/ui/button";
import { Field, PasswordField } from "@/components/ui/field";
import { LoadError, Notice } from "@/components/ui/notice";
import { Skeleton } from "@/components/ui/skeleton";
import { TextLink } from "@/components/ui/text-link";

export default function SignUp() {
  const options = useQuery(authOptionsQuery);
  const [sentTo, setSentTo] = useState<string | null>(null);
  const toLogIn = (
    <span>
      Already have an account? <TextLink to="/login">Log in</TextLink>
    </span>
  );

  if (sentTo)
    return (
      <EntranceFrame
        title="Look into your mail"
        note={
          <>
            A link to confirm the address is on its way to <strong>{sentTo}</strong>.
          </>
        }
        foot={toLogIn}
      >
        <p className="mb-4 flex items-start gap-3 text-sm text-ink-soft">
          <MailCheck className="mt-0.5 size-4.5 shrink-0" aria-hidden />
          It works once, and only for a while. Nothing there after a minute? Look into the spam
          folder, or have it sent again.
        </p>
        <ResendVerification email={sentTo} />
        <Button variant="ghost" className="mt-2 w-full" onClick={() => setSentTo(null)}>
          Use another address
        </Button>
      </EntranceFrame>
    );

  if (!options.data)
    return (
      <EntranceFrame title="Make an account" note="A moment…" foot={toLogIn}>
        {options.isError ? (
          <LoadError error={options.error} retry={() => void options.refetch()} />
        ) : (
          <Skeleton className="h-72" />
        )}
      </EntranceFrame>
    );

  const { sign_up } = options.data;
  if (sign_up === "invitation" || sign_up === "closed")
    return (
      <EntranceFrame
        title="By invitation only"
        tab="Sign up"
        note="This server takes no new accounts by itself."
      >
        <p className="mb-4 text-ink-soft">
          Ask an owner or admin of your organisation for an invitation. The link in it makes your
          account.
        </p>
        <ButtonLink to="/login" variant="primary" className="w-full">
          Go to the log-in
        </ButtonLink>
      </EntranceFrame>
    );

  return <SignUpForm options={options.data} onSent={setSentTo} foot={toLogIn} />;
}

interface FormProps {
  options: AuthOptions;
  onSent: (email: string) => void;
  foot: ReactNode;
}

function SignUpForm({ options, onSent, foot }: FormProps) {
  const navigate = useNavigate();
  const send = useMutation({
    mutationFn: (body: Body) => signUp(body),
    onSuccess: ({ status }, { email }) => {
      if (status === "verification_sent") return onSent(email);
      void navigate("/login", { state: { done: "Your account is made. Log in with it." } });
    },
  });
  const domains = options.sign_up === "domain" ? options.domains : [];
  return (
    <EntranceFrame
      title="Make an account"
      tab="Sign up"
      note="Ask your data in your own words, and check every answer."
      foot={foot}
    >
      <form
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault();
          const form = new FormData(event.currentTarget);
          const text = (name: string) => String(form.get(name) ?? "").trim();
          const organization = text("organization");
          send.mutate({
            name: text("name"),
            email: text("email"),
            password: String(form.get("password")),
            ...(organization ? { organization } : {}),
          });
        }}
      >
        <Field label="Your name" name="name" autoComplete="name" required maxLength={200} />
        <Field
          label="E-mail"
          name="email"
          type="email"
          autoComplete="username"
          required
          hint={
            domains.length > 0 &&
            `An address that ends in ${domains.map((name) => `@${name}`).join(" or ")}.`
          }
        />
        {options.sign_up === "open" && (
          <Field
            label="Organisation"
            name="organization"
            autoComplete="organization"
            required
            maxLength={200}
            hint="Shown to the people you invite later."
          />
        )}
        <PasswordField
          label="Password"
          name="password"
          autoComplete="new-password"
          required
          minLength={options.password_min}
          hint={`At least ${options.password_min} characters.`}
        />
        {send.isError && <Notice kind="error">{send.error.message}</Notice>}
        <Button type="submit" variant="primary" className="w-full" busy={send.isPending}>
          Sign up
        </Button>
      </form>
      <Providers providers={options.oidc} returnTo="/" />
    </EntranceFrame>
  );
}
