// Writes or changes an example: a question and the query that answers it.
import { useQueryClient } from "@tanstack/react-query";
import { addExample, changeExample, refresh, type Example } from "@/api/teaching";
import { Field, TextField } from "@/components/ui/field";
import { FormDialog, textOf } from "@/components/ui/form-dialog";
import { toast } from "@/components/ui/toast";
import { SourceField, sourceOf } from "./source-field";

interface ExampleFormProps {
  example: Example | null;
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

export function ExampleForm({ example, open, onOpenChange }: ExampleFormProps) {
  const client = useQueryClient();

  async function run(form: FormData) {
    const question = textOf(form, "question");
    const query = textOf(form, "query");
    const source = sourceOf(form);
    if (example) await changeExample(example.id, { question, query });
    else if (source)
      await addExample(
        source.kind === "file"
          ? { question, query, file_ids: [source.id] }
          : { question, query, connection_id: source.id },
      );
    await refresh(client);
    toast.done("The example was saved.");
  }

  return (
    <FormDialog
      open={open}
      onOpenChange={onOpenChange}
      title={example ? "Change the example" : "New example"}
      wide
      submit="Save"
      run={run}
    >
      {() => (
        <>
          <Field
            label="Question"
            name="question"
            required
            maxLength={2000}
            defaultValue={example?.question}
            placeholder="How is business?"
          />
          <TextField
            label="Query"
            name="query"
            required
            rows={6}
            maxLength={8000}
            spellCheck={false}
            defaultValue={example?.query}
            placeholder="SELECT town, sum(fee) AS fees FROM parcels GROUP BY town"
            hint="Checked like any other: it only reads, and knows every name."
            className="[&_textarea]:font-mono [&_textarea]:text-sm"
          />
          {!example && <SourceField />}
        </>
      )}
    </FormDialog>
  );
}
