// How many tokens a day may be used: said to everybody, set by owners.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { settingsQuery } from "@/api/queries";
import type { Settings } from "@/api/types";
import { setLimits, type UsageReport } from "@/api/usage";
import { Button } from "@/components/ui/button";
import { Card, CardHead } from "@/components/ui/card";
import { Fact, Facts } from "@/components/ui/facts";
import { Field } from "@/components/ui/field";
import { textOf } from "@/components/ui/form-dialog";
import { Notice } from "@/components/ui/notice";
import { toast } from "@/components/ui/toast";
import { groupDigits } from "@/lib/format";
import { useAtLeast } from "@/lib/rights";

interface LimitsCardProps {
  report: UsageReport;
  settings: Settings;
}

export function LimitsCard({ report, settings }: LimitsCardProps) {
  const isOwner = useAtLeast("owner");
  const { limits } = report;
  const words = (limit: number | null | undefined) =>
    typeof limit === "number" ? `${groupDigits(String(limit))} tokens a day` : "no limit";
  return (
    <Card aria-labelledby="token-limits">
      <CardHead
        id="token-limits"
        title="Limits"
        note="Tokens read and written, until midnight UTC. A question that begins within the limit is finished; queries of your own always run."
      />
      <Facts>
        <Fact name="Each person">{words(limits.user_tokens_per_day)}</Fact>
        <Fact name="Everybody together">{words(limits.organization_tokens_per_day)}</Fact>
      </Facts>
      {isOwner && (
        <LimitsForm
          // What was saved is what the form begins with.
          key={`${settings.preferences.user_tokens_per_day} ${settings.preferences.organization_tokens_per_day}`}
          settings={settings}
        />
      )}
    </Card>
  );
}

function LimitsForm({ settings: { preferences } }: { settings: Settings }) {
  const client = useQueryClient();
  const save = useMutation({
    mutationFn: setLimits,
    onSuccess: async () => {
      await Promise.all([
        client.invalidateQueries({ queryKey: settingsQuery.queryKey }),
        client.invalidateQueries({ queryKey: ["usage"] }),
      ]);
      toast.done("The limits were set.");
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const number = (name: string) => {
      const text = textOf(form, name);
      return text === "" ? null : Number(text);
    };
    save.mutate({
      user_tokens_per_day: number("user"),
      organization_tokens_per_day: number("organization"),
    });
  };
  const field = { type: "number", inputMode: "numeric", min: 0, step: 1 } as const;
  return (
    <form onSubmit={submit} className="space-y-4 border-t border-line p-5">
      <div className="grid items-start gap-4 sm:grid-cols-2">
        <Field
          {...field}
          label="Tokens a day for each person"
          name="user"
          defaultValue={preferences.user_tokens_per_day ?? ""}
          placeholder="No limit of your own"
        />
        <Field
          {...field}
          label="Tokens a day for everybody together"
          name="organization"
          defaultValue={preferences.organization_tokens_per_day ?? ""}
          placeholder="No limit of your own"
          hint="The server’s limit holds too, for the server’s model."
        />
      </div>
      {save.isError && <Notice kind="error">{save.error.message}</Notice>}
      <Button type="submit" variant="primary" busy={save.isPending}>
        Save
      </Button>
    </form>
  );
}
