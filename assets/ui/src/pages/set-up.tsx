// First start: makes the owner's account.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, unwrap } from "@/api/client";
import { ApiError } from "@/api/error";
import { setupQuery } from "@/api/queries";
import { session } from "@/api/session";
import type { SetupRequest } from "@/api/types";
import { EntranceFrame } from "@/components/entrance";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { useTitle } from "@/lib/use-title";

const SHORTEST_PASSWORD = 10;

export function SetUp({ codeRequired }: { codeRequired: boolean }) {
  useTitle("Set up");
  const client = useQueryClient();
  const [password, setPassword] = useState("");
  const setUp = useMutation({
    mutationFn: (body: SetupRequest) => unwrap(api.POST("/api/v1/setup", { body })),
    onSuccess: (opened) => session.signIn(opened),
    onError: (error) => {
      // Somebody else finished the set-up meanwhile: show the log-in page.
      if (error instanceof ApiError && error.status === 409)
        void client.invalidateQueries({ queryKey: setupQuery.queryKey });
    },
  });

  return (
    <EntranceFrame
      title="Welcome to Clean Custard"
      note="Make your account, then ask the first question. Everything stays on this server."
    >
      <form
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault();
          const form = new FormData(event.currentTarget);
          const text = (name: string) => String(form.get(name) ?? "").trim();
          setUp.mutate({
            name: text("name"),
            email: text("email"),
            organization: text("organization"),
            password,
            ...(codeRequired ? { code: text("code") } : {}),
          });
        }}
      >
        {codeRequired && (
          <Field
            label="Set-up code"
            name="code"
            required
            autoComplete="one-time-code"
            spellCheck={false}
            hint="This server can be reached from outside, so it printed a code in its log when it started."
          />
        )}
        <Field label="Your name" name="name" autoComplete="name" required maxLength={200} />
        <Field label="E-mail" name="email" type="email" autoComplete="username" required />
        <Field
          label="Organisation"
          name="organization"
          autoComplete="organization"
          required
          maxLength={200}
          hint="Shown to the people you invite later."
        />
        <Field
          label="Password"
          name="password"
          type="password"
          autoComplete="new-password"
          required
          minLength={SHORTEST_PASSWORD}
          value={password}
          onChange={(event) => setPassword(event.target.value)}
          hint={`At least ${SHORTEST_PASSWORD} characters.`}
        />
        {setUp.isError && <Notice kind="error">{setUp.error.message}</Notice>}
        <Button type="submit" variant="primary" className="w-full" busy={setUp.isPending}>
          Create the owner’s account
        </Button>
      </form>
    </EntranceFrame>
  );
}
