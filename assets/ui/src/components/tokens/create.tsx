// Makes an API token and shows it, this once.
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { API_ORIGIN } from "@/api/base";
import { makeToken, scopes, tokensQuery, type ApiToken, type Scope } from "@/api/organization";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Choice, Field, SelectField } from "@/components/ui/field";
import { FormDialog, textOf } from "@/components/ui/form-dialog";
import { Notice } from "@/components/ui/notice";
import { Snippet } from "@/components/ui/snippet";
import { useAtLeast } from "@/lib/rights";
import { scopeWords } from "@/lib/scopes";

const LIFETIMES = [
  [7, "7 days"],
  [30, "30 days"],
  [90, "90 days"],
  [365, "1 year"],
] as const;
const USUAL_DAYS = 90;

interface CreateTokenProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

export function CreateToken({ open, onOpenChange }: CreateTokenProps) {
  const client = useQueryClient();
  const isAdmin = useAtLeast("admin");
  const mayAdd = useAtLeast("analyst");
  const [made, setMade] = useState<ApiToken | null>(null);
  // A token can do no more than whoever made it.
  const offered = scopes.filter(
    (scope) => (scope !== "admin" || isAdmin) && (scope !== "write" || mayAdd),
  );

  return (
    <>
      <FormDialog
        open={open}
        onOpenChange={onOpenChange}
        title="New API token"
        description="For scripts and other programs. It acts in your name."
        submit="Create"
        run={async (form) => {
          const chosen = form.getAll("scope") as Scope[];
          if (chosen.length === 0)
            throw new Error("Choose at least one thing that the token may do.");
          setMade(
            await makeToken({
              name: textOf(form, "name"),
              scopes: chosen,
              expires_in_days: Number(form.get("days")),
            }),
          );
          await client.invalidateQueries({ queryKey: tokensQuery.queryKey });
        }}
      >
        {() => (
          <>
            <Field
              label="Name"
              name="name"
              required
              maxLength={100}
              placeholder="Nightly report"
              hint="What uses it, so that you know later."
            />
            <fieldset>
              <legend className="mb-1 text-sm font-semibold">It may</legend>
              {offered.map((scope) => (
                <Choice
                  key={scope}
                  type="checkbox"
                  name="scope"
                  value={scope}
                  defaultChecked={scope === "read" || scope === "ask"}
                  title={scopeWords[scope].name}
                  note={scopeWords[scope].may}
                />
              ))}
            </fieldset>
            <SelectField label="Works for" name="days" defaultValue={USUAL_DAYS}>
              {LIFETIMES.map(([days, label]) => (
                <option key={days} value={days}>
                  {label}
                </option>
              ))}
            </SelectField>
          </>
        )}
      </FormDialog>
      <Dialog
        open={made !== null}
        onOpenChange={() => setMade(null)}
        sticky
        wide
        title={`The token “${made?.name ?? ""}”`}
      >
        <Notice kind="warning">
          It is shown only this once. Keep it as you keep a password: whoever has it acts as you.
        </Notice>
        {made && (
          <div className="mt-4 space-y-4">
            <Snippet label="API token" copyLabel="Copy the token" text={made.token ?? ""} />
            <Snippet label="Try it" copyLabel="Copy" text={tryIt(made.scopes)} />
          </div>
        )}
        <div className="mt-5 flex justify-end">
          <Button variant="primary" onClick={() => setMade(null)}>
            I have copied it
          </Button>
        </div>
      </Dialog>
    </>
  );
}

/** Without the token itself: command lines are remembered. */
function tryIt(allowed: readonly Scope[]): string {
  const call = `curl -H "Authorization: Bearer $CUSTARD_TOKEN"`;
  return allowed.includes("ask")
    ? `${call} \\
  -H "Content-Type: application/json" \\
  -d '{"question": "How many orders?"}' \\
  ${API_ORIGIN}/api/v1/query`
    : `${call} ${API_ORIGIN}/api/v1/files`;
}
