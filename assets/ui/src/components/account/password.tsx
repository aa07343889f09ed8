// A new password; the sessions elsewhere end with the old one.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import { authOptionsQuery, changePassword, sessionsQuery } from "@/api/account";
import { Button } from "@/components/ui/button";
import { Card, CardHead } from "@/components/ui/card";
import { PasswordField } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { toast } from "@/components/ui/toast";
import { useUser } from "@/lib/use-session";

export function PasswordCard() {
  const user = useUser();
  const client = useQueryClient();
  const form = useRef<HTMLFormElement>(null);
  const shortest = useQuery(authOptionsQuery).data?.password_min;
  const change = useMutation({
    mutationFn: changePassword,
    onSuccess: () => {
      form.current?.reset();
      void client.invalidateQueries({ queryKey: sessionsQuery.queryKey });
      toast.done("Your password was changed. Other sessions have ended.");
    },
  });
  return (
    <Card aria-labelledby="password">
      <CardHead
        id="password"
        title="Password"
        note="When it changes, every other session of yours ends."
      />
      <form
        ref={form}
        className="px-5 pb-5"
        onSubmit={(event) => {
          event.preventDefault();
          const typed = new FormData(event.currentTarget);
          change.mutate({
            current: String(typed.get("current")),
            new: String(typed.get("new")),
          });
        }}
      >
        {/* For password stores: whose password this is. */}
        <input type="hidden" autoComplete="username" value={user.email} readOnly />
        <div className="grid items-start gap-4 sm:grid-cols-2">
          <PasswordField
            label="Present password"
            name="current"
            autoComplete="current-password"
            required
          />
          <PasswordField
            label="New password"
            name="new"
            autoComplete="new-password"
            required
            minLength={shortest}
            hint={shortest && `At least ${shortest} characters.`}
          />
        </div>
        {change.isError && (
          <Notice kind="error" className="mt-3">
            {change.error.message}
          </Notice>
        )}
        <Button type="submit" className="mt-4" busy={change.isPending}>
          Change the password
        </Button>
      </form>
    </Card>
  );
}
