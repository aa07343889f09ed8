// The organisation's name, for its owners.
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { renameOrganization } from "@/api/organization";
import { session } from "@/api/session";
import { Button } from "@/components/ui/button";
import { Card, CardHead } from "@/components/ui/card";
import { Field } from "@/components/ui/field";
import { toast } from "@/components/ui/toast";
import { useUser } from "@/lib/use-session";

export function OrganizationName() {
  const user = useUser();
  const [name, setName] = useState(user.organization.name);
  const rename = useMutation({
    mutationFn: () => renameOrganization(name.trim()),
    onSuccess: (organization) => {
      session.updateUser({ ...user, organization });
      setName(organization.name);
      toast.done("The name was saved.");
    },
  });
  return (
    <Card aria-labelledby="organization">
      <CardHead id="organization" title="Organisation" note="Everybody in it sees this name." />
      <form
        className="px-5 pb-5"
        onSubmit={(event) => {
          event.preventDefault();
          rename.mutate();
        }}
      >
        <div className="flex items-start gap-2">
          <Field
            className="max-w-sm flex-1"
            label="Name of the organisation"
            autoComplete="organization"
            required
            maxLength={200}
            value={name}
            error={rename.error?.message}
            onChange={(event) => setName(event.target.value)}
          />
          <Button type="submit" className="mt-7 h-10.5" busy={rename.isPending}>
            Save
          </Button>
        </div>
      </form>
    </Card>
  );
}
