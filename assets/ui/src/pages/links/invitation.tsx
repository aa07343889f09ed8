// Where an invitation leads: says who invites to what, and makes the account.
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { acceptInvitation, authOptionsQuery, invitedQuery, type Invited } from "@/api/account";
import { session } from "@/api/session";
import { EntranceFrame } from "@/components/entrance";
import { Button, ButtonLink } from "@/components/ui/button";
import { Field, PasswordField } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { Skeleton } from "@/components/ui/skeleton";
import { TextLink } from "@/components/ui/text-link";
import { roleWords } from "@/lib/rights";
import { useSession } from "@/lib/use-session";
import { MissingToken, useLinkToken } from "./token";

export default function Invitation() {
  const token = useLinkToken();
  const state = useSession();
  const invited = useQuery({
    ...invitedQuery(token ?? ""),
    enabled: token !== null,
    retry: false,
  });
  if (!token) return <MissingToken />;
  if (invited.isPending)
    return (
      <EntranceFrame title="You are invited" tab="Invitation" note="A moment…">
        <Skeleton className="h-60" />
      </EntranceFrame>
    );
  if (invited.isError)
    return (
      <EntranceFrame
        title="This invitation does not work"
        tab="Invitation"
        note="It works once, and only for a while."
      >
        <Notice kind="error" className="mb-4">
          {invited.error.message}
        </Notice>
        <div className="flex flex-wrap gap-2">
          <Button className="flex-1" onClick={() => void invited.refetch()}>
            Try again
          </Button>
          <ButtonLink to="/login" variant="primary" className="flex-1">
            Go to the log-in
          </ButtonLink>
        </div>
      </EntranceFrame>
    );
  if (state.status === "signed-in")
    return (
      <EntranceFrame
        title={`You are invited to ${invited.data.organization}`}
        tab="Invitation"
        note={`The invitation is for ${invited.data.email}.`}
      >
        <p className="mb-4 text-ink-soft">
          You are logged in as <strong className="text-ink">{state.user.email}</strong>. Accepting
          makes an account of its own, so sign out first.
        </p>
        <div className="flex flex-wrap gap-2">
          <Button variant="primary" className="flex-1" onClick={() => void session.signOut()}>
            Sign out and go on
          </Button>
          <ButtonLink to="/" className="flex-1">
            Stay as I am
          </ButtonLink>
        </div>
      </EntranceFrame>
    );
  return <AcceptForm token={token} invited={invited.data} />;
}

function AcceptForm({ token, invited }: { token: string; invited: Invited }) {
  const navigate = useNavigate();
  const shortest = useQuery(authOptionsQuery).data?.password_min;
  const accept = useMutation({
    mutationFn: acceptInvitation,
    onSuccess: (opened) => {
      session.signIn(opened);
      void navigate("/", { replace: true });
    },
  });
  const role = roleWords[invited.role];
  return (
    <EntranceFrame
      title={`You are invited to ${invited.organization}`}
      tab="Invitation"
      note={
        <>
          {invited.invited_by} invites you as <strong>{role.name.toLowerCase()}</strong>. {role.all}
        </>
      }
      foot={
        <span>
          Already have an account? <TextLink to="/login">Log in</TextLink>
        </span>
      }
    >
      <form
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault();
          const form = new FormData(event.currentTarget);
          accept.mutate({
            token,
            name: String(form.get("name")).trim(),
            password: String(form.get("password")),
          });
        }}
      >
        <Field label="Your name" name="name" autoComplete="name" required maxLength={200} />
        <Field
          label="E-mail"
          type="email"
          value={invited.email}
          readOnly
          autoComplete="username"
          hint="The invitation was sent to this address."
        />
        <PasswordField
          label="Password"
          name="password"
          autoComplete="new-password"
          required
          minLength={shortest}
          hint={shortest && `At least ${shortest} characters.`}
        />
        {accept.isError && <Notice kind="error">{accept.error.message}</Notice>}
        <Button type="submit" variant="primary" className="w-full" busy={accept.isPending}>
          Join
        </Button>
      </form>
    </EntranceFrame>
  );
}
