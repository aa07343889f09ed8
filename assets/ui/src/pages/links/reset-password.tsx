// Where the link of a forgotten password leads: sets a new one.
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { authOptionsQuery, resetPassword } from "@/api/account";
import { session } from "@/api/session";
import { EntranceFrame } from "@/components/entrance";
import { Button } from "@/components/ui/button";
import { PasswordField } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { TextLink } from "@/components/ui/text-link";
import { ApiError } from "@/api/error";
import { MissingToken, useLinkToken } from "./token";

const DONE = "Your new password is set. Log in with it.";

export default function ResetPassword() {
  const token = useLinkToken();
  const navigate = useNavigate();
  const shortest = useQuery(authOptionsQuery).data?.password_min;
  const set = useMutation({
    mutationFn: (password: string) => resetPassword(token ?? "", password),
    onSuccess: () => {
      session.ended(DONE);
      void navigate("/login", { replace: true, state: { done: DONE } });
    },
  });
  if (!token) return <MissingToken />;
  const spent = set.error instanceof ApiError && set.error.code === "token_invalid";
  return (
    <EntranceFrame
      title="Choose a new password"
      note="You are then logged out everywhere and log in with the new one."
      foot={<TextLink to="/login">Back to the log-in</TextLink>}
    >
      <form
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault();
          set.mutate(String(new FormData(event.currentTarget).get("password")));
        }}
      >
        <PasswordField
          label="New password"
          name="password"
          autoComplete="new-password"
          required
          minLength={shortest}
          hint={shortest && `At least ${shortest} characters.`}
          error={spent ? null : set.error?.message}
        />
        {spent && (
          <Notice kind="error">
            {set.error?.message} <TextLink to="/forgot-password">Ask for a new link</TextLink>
          </Notice>
        )}
        <Button type="submit" variant="primary" className="w-full" busy={set.isPending}>
          Set the password
        </Button>
      </form>
    </EntranceFrame>
  );
}
