// How long things are kept, and what may leave the server in traces.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { changePreferences, type Preferences } from "@/api/operations";
import { settingsQuery } from "@/api/queries";
import { Button } from "@/components/ui/button";
import { Card, CardHead } from "@/components/ui/card";
import { Choice, Field } from "@/components/ui/field";
import { LoadError, Notice } from "@/components/ui/notice";
import { Skeleton } from "@/components/ui/skeleton";
import { toast } from "@/components/ui/toast";

export function PreferencesCards() {
  const settings = useQuery(settingsQuery);
  if (settings.isPending) return <Skeleton className="h-80" />;
  if (settings.isError)
    return <LoadError error={settings.error} retry={() => void settings.refetch()} />;
  return <PreferencesForm preferences={settings.data.preferences} />;
}

const DAYS = { type: "number", inputMode: "numeric", min: 1, max: 36_500, step: 1 } as const;

function PreferencesForm({ preferences }: { preferences: Preferences }) {
  const client = useQueryClient();
  const [questions, setQuestions] = useState(preferences.trace_questions);
  const save = useMutation({
    mutationFn: changePreferences,
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: settingsQuery.queryKey });
      toast.done("The settings were saved.");
    },
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const form = new FormData(event.currentTarget);
        const days = (name: string) => Number(form.get(name)) || null;
        save.mutate({
          audit_days: days("audit_days"),
          result_days: days("result_days"),
          trace_questions: form.has("trace_questions"),
          trace_rows: form.has("trace_rows"),
        });
      }}
    >
      <Card aria-labelledby="preferences">
        <CardHead id="preferences" title="Keeping" note="What is older is deleted by itself." />
        <div className="grid items-start gap-4 px-5 pb-5 sm:grid-cols-2">
          <Field
            label="Days to keep the audit log"
            name="audit_days"
            {...DAYS}
            placeholder="For ever"
            defaultValue={preferences.audit_days ?? ""}
            hint="Empty: for ever."
          />
          <Field
            label="Days to keep stored results"
            name="result_days"
            {...DAYS}
            placeholder="As the server is set"
            defaultValue={preferences.result_days ?? ""}
            hint="Empty: as the server is configured. Kept answers stay."
          />
        </div>
        <fieldset className="border-t border-line px-5 py-4">
          <legend className="sr-only">Traces</legend>
          <h3 className="text-[0.9375rem]">Traces</h3>
          <p className="mb-2 text-sm text-ink-soft">
            Where the server exports traces to a collector, they hold times and outcomes. More only
            if you allow it here.
          </p>
          <Choice
            type="checkbox"
            name="trace_questions"
            checked={questions}
            onChange={(event) => setQuestions(event.target.checked)}
            title="The words of questions and queries"
            className="-mx-2.5"
          />
          <Choice
            type="checkbox"
            name="trace_rows"
            disabled={!questions}
            defaultChecked={preferences.trace_rows}
            title="The first rows of answers as well"
            note="Data of your sources then leaves this server."
            className="-mx-2.5"
          />
        </fieldset>
        <div className="border-t border-line px-5 py-4">
          {save.isError && (
            <Notice kind="error" className="mb-3">
              {save.error.message}
            </Notice>
          )}
          <Button type="submit" variant="primary" busy={save.isPending}>
            Save
          </Button>
        </div>
      </Card>
    </form>
  );
}
