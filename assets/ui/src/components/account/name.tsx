// The person's own name; the e-mail and role are shown.
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api, unwrap } from "@/api/client";
import { session } from "@/api/session";
import { Button } from "@/components/ui/button";
import { Card, CardHead } from "@/components/ui/card";
import { Field } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { toast } from "@/components/ui/toast";
import { useUser } from "@/lib/use-session";

export function NameCard() {
  const user = useUser();
  const [name, setName] = useState(user.name);
  const save = useMutation({
    mutationFn: () => unwrap(api.PATCH("/api/v1/auth/me", { body: { name: name.trim() } })),
    onSuccess: (changed) => {
      session.updateUser(changed);
      setName(changed.name);
      toast.done("Your name was saved.");
    },
  });
  const changed = name.trim() !== "" && name.trim() !== user.name;
  return (
    <Card aria-labelledby="profile">
      <CardHead
        id="profile"
        title="Name"
        note={`${user.email} · ${user.role} of ${user.organization.name}`}
      />
      <form
        className="px-5 pb-5"
        onSubmit={(event) => {
          event.preventDefault();
          if (changed) save.mutate();
        }}
      >
        <div className="flex items-end gap-2">
          <Field
            className="max-w-sm flex-1"
            label="Your name"
            autoComplete="name"
            required
            maxLength={200}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
          <Button type="submit" className="h-10.5" disabled={!changed} busy={save.isPending}>
            Save
          </Button>
        </div>
        {save.isError && (
          <Notice kind="error" className="mt-3">
            {save.error.message}
          </Notice>
        )}
      </form>
    </Card>
  );
}
