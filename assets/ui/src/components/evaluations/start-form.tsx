// Begins a run: of which source, and with which questions.
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { refreshRuns, startRun } from "@/api/evaluations";
import { SourceField, sourceOf } from "@/components/knowledge/source-field";
import { Choice, Field } from "@/components/ui/field";
import { FormDialog, textOf } from "@/components/ui/form-dialog";
import { TextFileField } from "@/components/ui/text-file-field";

type Kind = "examples" | "csv";

interface StartFormProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

export function StartForm({ open, onOpenChange }: StartFormProps) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [kind, setKind] = useState<Kind>("examples");
  const [text, setText] = useState("");
  return (
    <FormDialog
      open={open}
      onOpenChange={(next) => {
        if (!next) setText("");
        onOpenChange(next);
      }}
      title="New evaluation"
      description="Each question is asked as anybody would ask it, and its rows are compared with those of the right answer."
      wide
      submit="Start"
      run={async (form) => {
        const source = sourceOf(form);
        const run = await startRun({
          name: textOf(form, "name") || null,
          ...(source?.kind === "connection" ? { connection_id: source.id } : {}),
          ...(source?.kind === "file" ? { file_ids: source.id.split(",") } : {}),
          ...(kind === "examples" ? { examples: true } : { csv: `${text.trim()}\n` }),
        });
        await refreshRuns(client);
        setText("");
        void navigate(`/evaluations/${run.id}`);
      }}
    >
      {() => (
        <>
          <div className="grid items-start gap-4 sm:grid-cols-2">
            <SourceField together />
            <Field
              label="Name"
              name="name"
              maxLength={200}
              placeholder="Before the new model"
              hint="By which you will know it again."
            />
          </div>
          <fieldset>
            <legend className="mb-1.5 text-sm font-semibold">Questions</legend>
            <Choice
              type="radio"
              name="kind"
              checked={kind === "examples"}
              onChange={() => setKind("examples")}
              title="The approved examples of the source"
              note="From the Knowledge page. None is shown to the translator that has to answer it."
              className="-mx-2.5"
            />
            <Choice
              type="radio"
              name="kind"
              checked={kind === "csv"}
              onChange={() => setKind("csv")}
              title="A list of your own"
              note="CSV with the columns question and, where you know it, sql (a right query) or answer (right values, separated by |). Also understood: instructions, suite, category."
              className="-mx-2.5"
            />
          </fieldset>
          {kind === "csv" && (
            <TextFileField
              name="csv"
              accept=".csv,text/csv"
              rows={7}
              value={text}
              onChange={setText}
              placeholder={
                'question,sql,answer\nHow many orders are there?,SELECT count(*) FROM orders,\nWhich cities do we ship to?,,"Berlin|Rome"'
              }
            />
          )}
        </>
      )}
    </FormDialog>
  );
}
