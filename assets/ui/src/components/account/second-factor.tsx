// The second factor: switched on with an authenticator app, its recovery codes, and its end.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import {
  confirmSecondFactor,
  endSecondFactor,
  newRecoveryCodes,
  secondFactorQuery,
  startSecondFactor,
  type SecondFactorSecret,
} from "@/api/account";
import { CodeField } from "@/components/entrance/code-form";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Card, CardHead } from "@/components/ui/card";
import { PasswordField } from "@/components/ui/field";
import { FormDialog, sentenceOf, textOf } from "@/components/ui/form-dialog";
import { LoadError, Notice } from "@/components/ui/notice";
import { Skeleton } from "@/components/ui/skeleton";
import { toast } from "@/components/ui/toast";
import { plural } from "@/lib/format";
import { RecoveryCodes } from "./recovery-codes";
import { Secret } from "./secret";

const WRONG_CODE = "totp_invalid";
/** With so few left, somebody should make new ones. */
const FEW = 3;

export function SecondFactorCard() {
  const client = useQueryClient();
  const factor = useQuery(secondFactorQuery);
  const [secret, setSecret] = useState<SecondFactorSecret | null>(null);
  const [starting, setStarting] = useState(false);
  const [dialog, setDialog] = useState<"codes" | "off" | null>(null);
  const [codes, setCodes] = useState<string[] | null>(null);
  const closed = (open: boolean) => {
    if (!open) setDialog(null);
  };
  const changed = () => client.invalidateQueries({ queryKey: secondFactorQuery.queryKey });

  async function start() {
    setStarting(true);
    try {
      setSecret(await startSecondFactor());
    } catch (cause) {
      toast.error(cause);
    } finally {
      setStarting(false);
    }
  }

  return (
    <Card aria-labelledby="factor">
      <CardHead
        id="factor"
        title="Second factor"
        note="A code from an app on your phone, asked for after your password."
        action={
          factor.data && (
            <Badge tone={factor.data.enabled ? "good" : "plain"}>
              {factor.data.enabled ? "On" : "Off"}
            </Badge>
          )
        }
      />
      <div className="px-5 pb-5">
        {factor.isPending ? (
          <Skeleton className="h-10 w-48" />
        ) : factor.isError ? (
          <LoadError error={factor.error} retry={() => void factor.refetch()} />
        ) : factor.data.enabled ? (
          <>
            {factor.data.recovery_codes_left < FEW && (
              <Notice kind="warning" className="mb-4">
                {factor.data.recovery_codes_left === 0
                  ? "No recovery code is left."
                  : `Only ${plural(factor.data.recovery_codes_left, "recovery code")} left.`}{" "}
                Without one, a lost phone locks you out. Make new ones.
              </Notice>
            )}
            <div className="flex flex-wrap items-center gap-2">
              <Button onClick={() => setDialog("codes")}>New recovery codes</Button>
              <Button variant="danger" onClick={() => setDialog("off")}>
                Switch off
              </Button>
              <span className="text-sm text-ink-soft">
                {plural(factor.data.recovery_codes_left, "recovery code")} left
              </span>
            </div>
          </>
        ) : (
          <Button busy={starting} onClick={() => void start()}>
            Switch on
          </Button>
        )}
      </div>

      <FormDialog
        open={secret !== null}
        onOpenChange={() => setSecret(null)}
        title="Switch on the second factor"
        description="Scan the picture with an authenticator app, then type the code it shows."
        submit="Switch on"
        atFields={[WRONG_CODE]}
        run={async (form) => {
          const { recovery_codes } = await confirmSecondFactor(textOf(form, "code"));
          setCodes(recovery_codes);
          await changed();
        }}
      >
        {(error) => (
          <>
            {secret && <Secret secret={secret} />}
            <CodeField error={sentenceOf(error, WRONG_CODE)} />
          </>
        )}
      </FormDialog>

      <FormDialog
        open={dialog === "codes"}
        onOpenChange={closed}
        title="Make new recovery codes?"
        description="The old ones stop working at once."
        submit="Make new codes"
        atFields={[WRONG_CODE]}
        run={async (form) => {
          const { recovery_codes } = await newRecoveryCodes(textOf(form, "code"));
          setCodes(recovery_codes);
          await changed();
        }}
      >
        {(error) => <CodeField error={sentenceOf(error, WRONG_CODE)} />}
      </FormDialog>

      <FormDialog
        open={dialog === "off"}
        onOpenChange={closed}
        title="Switch off the second factor?"
        description="Your password alone is then enough to log in. The recovery codes are deleted."
        submit="Switch off"
        danger
        atFields={[WRONG_CODE]}
        run={async (form) => {
          await endSecondFactor({
            password: String(form.get("password")),
            code: textOf(form, "code"),
          });
          await changed();
          toast.done("The second factor is off.");
        }}
      >
        {(error) => (
          <>
            <PasswordField
              label="Your password"
              name="password"
              autoComplete="current-password"
              required
            />
            <CodeField orRecovery error={sentenceOf(error, WRONG_CODE)} />
          </>
        )}
      </FormDialog>

      <RecoveryCodes codes={codes} onDone={() => setCodes(null)} />
    </Card>
  );
}
