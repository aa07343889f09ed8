// Who may see one source: everybody in the organisation, or chosen people.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Users } from "lucide-react";
import { useState } from "react";
import {
  accessQuery,
  membersQuery,
  setAccess,
  type Access,
  type Member,
  type SourceKind,
} from "@/api/organization";
import { Button } from "@/components/ui/button";
import { Choice } from "@/components/ui/field";
import { FormDialog } from "@/components/ui/form-dialog";
import { LoadError } from "@/components/ui/notice";
import { SkeletonRows } from "@/components/ui/skeleton";
import { toast } from "@/components/ui/toast";
import { atLeast, roleWords } from "@/lib/rights";

interface SourceAccessProps {
  kind: SourceKind;
  id: string;
  name: string;
}

export function SourceAccess({ kind, id, name }: SourceAccessProps) {
  const [open, setOpen] = useState(false);
  const client = useQueryClient();
  const access = useQuery({ ...accessQuery(kind, id), enabled: open });
  const members = useQuery({ ...membersQuery, enabled: open });
  const failed = access.isError ? access : members.isError ? members : null;

  return (
    <>
      <Button onClick={() => setOpen(true)}>
        <Users aria-hidden />
        Access
      </Button>
      <FormDialog
        open={open}
        onOpenChange={setOpen}
        title={`Who may see ${name}`}
        description="Whoever may not see it gets no answer from it."
        submit="Save"
        run={async (form) => {
          if (!access.data || !members.data)
            throw new Error("The members are not loaded yet. Wait a moment, then save.");
          const chosen: Access = {
            everyone: form.get("who") === "everyone",
            members: form.getAll("member").map(String),
          };
          const saved = await setAccess(kind, id, chosen);
          client.setQueryData(accessQuery(kind, id).queryKey, saved);
          toast.done("Saved. It holds from now on.");
        }}
      >
        {() =>
          failed ? (
            failed.error && <LoadError error={failed.error} retry={() => void failed.refetch()} />
          ) : access.data && members.data ? (
            <Chooser access={access.data} members={members.data} />
          ) : (
            <SkeletonRows count={4} className="h-11" />
          )
        }
      </FormDialog>
    </>
  );
}

function Chooser({ access, members }: { access: Access; members: readonly Member[] }) {
  const [everyone, setEveryone] = useState(access.everyone);
  return (
    <>
      <fieldset>
        <legend className="sr-only">Who may see it</legend>
        <Choice
          type="radio"
          name="who"
          value="everyone"
          checked={everyone}
          onChange={() => setEveryone(true)}
          title="Everybody in the organisation"
        />
        <Choice
          type="radio"
          name="who"
          value="chosen"
          checked={!everyone}
          onChange={() => setEveryone(false)}
          title="Only chosen people"
          note="Owners and admins see every source."
        />
      </fieldset>
      {!everyone && (
        <fieldset className="max-h-72 min-w-0 overflow-y-auto rounded-xl border border-line p-1.5">
          <legend className="sr-only">The chosen people</legend>
          {members.map((member) => {
            const always = atLeast(member.role, "admin");
            return (
              <Choice
                key={member.id}
                type="checkbox"
                name="member"
                value={member.id}
                disabled={always}
                defaultChecked={always || (access.members ?? []).includes(member.id)}
                title={member.name || member.email}
                note={`${roleWords[member.role].name} · ${member.email}`}
              />
            );
          })}
        </fieldset>
      )}
    </>
  );
}
