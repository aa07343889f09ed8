// Log-in by e-mail and password.
import { useMutation } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import { session } from "@/api/session";
import { EntranceFrame } from "@/components/entrance";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { useTitle } from "@/lib/use-title";

export function LogIn() {
  useTitle("Log in");
  const logIn = useMutation({
    mutationFn: (body: { email: string; password: string }) =>
      unwrap(api.POST("/api/v1/auth/login", { body })),
    onSuccess: (opened) => session.signIn(opened),
  });

  return (
    <EntranceFrame title="Welcome back" note="Log in to ask your data.">
      <form
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault();
          const form = new FormData(event.currentTarget);
          logIn.mutate({
            email: String(form.get("email")).trim(),
            password: String(form.get("password")),
          });
        }}
      >
        <Field label="E-mail" name="email" type="email" autoComplete="username" required />
        <Field
          label="Password"
          name="password"
          type="password"
          autoComplete="current-password"
          required
        />
        {logIn.isError && <Notice kind="error">{logIn.error.message}</Notice>}
        <Button type="submit" variant="primary" className="w-full" busy={logIn.isPending}>
          Log in
        </Button>
      </form>
    </EntranceFrame>
  );
}
