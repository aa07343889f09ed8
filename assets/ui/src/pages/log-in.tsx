// Log-in: by e-mail and password, a second factor where there is one, or through another provider.
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation, useSearchParams } from "react-router";
import { authOptionsQuery, logIn, type LogInRequest } from "@/api/account";
import { ApiError } from "@/api/error";
import { session } from "@/api/session";
import { EntranceFrame } from "@/components/entrance";
import { CodeForm } from "@/components/entrance/code-form";
import { Providers } from "@/components/entrance/providers";
import { ResendVerification } from "@/components/entrance/resend";
import { Button } from "@/components/ui/button";
import { Field, PasswordField } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { TextLink } from "@/components/ui/text-link";
import { useSession } from "@/lib/use-session";

/** Why a provider's log-in ended on this page again; the server gives the code, the reason stands in its log. */
const refusalWords: Record<string, string | undefined> = {
  oidc_expired: "That log-in took too long, or was begun in another window. Try again.",
  oidc_domain: "Addresses of this domain may not log in here. Ask an owner or admin.",
  oidc_email_unverified:
    "The provider has not confirmed your address. Confirm it there, then try again.",
  oidc_second_factor: "Your account has a second factor. Log in with your password and its code.",
  oidc_other_identity:
    "The account with this address belongs to another identity at the provider. Ask an owner or admin.",
  oidc_no_account: "There is no account for you here yet. Ask an owner or admin for an invitation.",
  oidc_unreachable:
    "The provider cannot be reached right now. Try again in a moment, or log in with your password.",
};
const OTHER_REFUSAL = "The provider let nobody in. Try again, or log in with your password.";

export function LogIn() {
  const options = useQuery(authOptionsQuery).data;
  const state = useSession();
  const location = useLocation().state as { from?: string; done?: string } | null;
  const [search] = useSearchParams();
  const [typed, setTyped] = useState<LogInRequest>({ email: "", password: "" });
  const [address, setAddress] = useState("");
  const enter = useMutation({
    mutationFn: (body: LogInRequest) => logIn(body),
    onSuccess: (opened) => session.signIn(opened),
  });
  const code = enter.error instanceof ApiError ? enter.error.code : null;
  const [second, setSecond] = useState(false);
  if (code === "totp_required" && !second) setSecond(true);

  if (second)
    return (
      <EntranceFrame
        title="One more step"
        tab="Log in"
        note="Your account is kept by a second factor."
      >
        <CodeForm
          busy={enter.isPending}
          error={code === "totp_required" ? null : (enter.error?.message ?? null)}
          onCode={(code) => enter.mutate({ ...typed, code })}
          onBack={() => {
            enter.reset();
            setSecond(false);
          }}
        />
      </EntranceFrame>
    );

  const refused = search.get("error");
  const reason = state.status === "signed-out" ? state.reason : undefined;
  return (
    <EntranceFrame
      title="Welcome back"
      tab="Log in"
      note="Log in to ask your data."
      foot={
        options &&
        (options.sign_up === "open" || options.sign_up === "domain") && (
          <span>
            No account yet? <TextLink to="/signup">Sign up</TextLink>
          </span>
        )
      }
    >
      {location?.done ? (
        <Notice kind="good" className="mb-4">
          {location.done}
        </Notice>
      ) : (
        reason && (
          <Notice kind="info" className="mb-4">
            {reason}
          </Notice>
        )
      )}
      {refused && !enter.isError && (
        <Notice kind="error" className="mb-4">
          {refusalWords[refused] ?? OTHER_REFUSAL}
        </Notice>
      )}
      <form
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault();
          const form = new FormData(event.currentTarget);
          const body = {
            email: String(form.get("email")).trim(),
            password: String(form.get("password")),
          };
          setTyped(body);
          enter.mutate(body);
        }}
      >
        <Field
          label="E-mail"
          name="email"
          type="email"
          autoComplete="username"
          required
          defaultValue={typed.email}
          onChange={(event) => setAddress(event.currentTarget.value.trim())}
        />
        <PasswordField
          label="Password"
          name="password"
          autoComplete="current-password"
          required
          hint={
            <TextLink to="/forgot-password" state={{ email: address }}>
              Forgot your password?
            </TextLink>
          }
        />
        {enter.isError && code !== "totp_required" && (
          <Notice kind="error">{enter.error.message}</Notice>
        )}
        <Button type="submit" variant="primary" className="w-full" busy={enter.isPending}>
          Log in
        </Button>
      </form>
      {code === "email_unverified" && (
        <div className="mt-3">
          <ResendVerification email={typed.email} />
        </div>
      )}
      <Providers providers={options?.oidc ?? []} returnTo={location?.from ?? "/"} />
    </EntranceFrame>
  );
}
