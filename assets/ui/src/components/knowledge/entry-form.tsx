// Writes or changes a term, a metric or a description.
import { useQueryClient } from "@tanstack/react-query";
import { addEntry, changeEntry, refresh, type Entry, type EntryKind } from "@/api/teaching";
import { Field, SelectField, TextField } from "@/components/ui/field";
import { FormDialog, textOf } from "@/components/ui/form-dialog";
import { toast } from "@/components/ui/toast";
import { SourceField, sourceOf } from "./source-field";

interface Words {
  title: string;
  name: string;
  nameExample: string;
  text: string;
  textExample: string;
  textHint: string;
}

const words: Record<EntryKind, Words> = {
  term: {
    title: "term",
    name: "Word or words",
    nameExample: "big order",
    text: "What it means",
    textExample: "orders with a total over 500",
    textHint: "In words that the data knows: its tables, columns and values.",
  },
  metric: {
    title: "metric",
    name: "Name",
    nameExample: "net income",
    text: "Formula",
    textExample: "sum(fee) - sum(refund)",
    textHint: "Of sum, avg, min, max, median and count, numbers, + - * / and other metrics.",
  },
  table: {
    title: "description",
    name: "Table",
    nameExample: "parcels",
    text: "What it holds",
    textExample: "One row for each parcel that was handed in",
    textHint: "Stands in place of the source’s own comment.",
  },
  column: {
    title: "description",
    name: "Column, with its table",
    nameExample: "parcels.zw",
    text: "What it holds",
    textExample: "Weight in kg",
    textHint: "Stands in place of the source’s own comment.",
  },
};

interface EntryFormProps {
  /** The kinds that can be written here, or the entry to change. */
  of: readonly EntryKind[] | Entry;
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

export function EntryForm({ of, open, onOpenChange }: EntryFormProps) {
  const client = useQueryClient();
  const entry = "id" in of ? of : null;
  const kinds = "id" in of ? [of.kind] : of;
  const kind = kinds[0] ?? "term";
  const said = words[kind];
  const isDescription = kind === "table" || kind === "column";

  async function run(form: FormData) {
    const name = textOf(form, "name");
    const text = textOf(form, "text");
    if (entry) {
      await changeEntry(entry.id, { name, text });
    } else {
      const chosen = kinds.find((one) => one === form.get("kind")) ?? kind;
      await addEntry({ kind: chosen, name, text, source_id: sourceOf(form)?.id ?? null });
    }
    await refresh(client);
    toast.done(`${name} was saved.`);
  }

  return (
    <FormDialog
      open={open}
      onOpenChange={onOpenChange}
      title={`${entry ? "Change the" : "New"} ${said.title}`}
      submit="Save"
      run={run}
    >
      {() => (
        <>
          {!entry && kinds.length > 1 && (
            <SelectField label="Of" name="kind" defaultValue="column">
              <option value="column">a column</option>
              <option value="table">a table</option>
            </SelectField>
          )}
          <Field
            label={isDescription && !entry ? "Table, or table.column" : said.name}
            name="name"
            required
            maxLength={200}
            spellCheck={!isDescription}
            defaultValue={entry?.name}
            placeholder={words[isDescription && !entry ? "column" : kind].nameExample}
          />
          <TextField
            label={said.text}
            name="text"
            required
            maxLength={2000}
            defaultValue={entry?.text}
            placeholder={words[isDescription && !entry ? "column" : kind].textExample}
            hint={said.textHint}
            className={kind === "metric" ? "[&_textarea]:font-mono" : undefined}
          />
          {!entry &&
            (isDescription ? (
              <SourceField />
            ) : (
              <SourceField
                all="All sources"
                hint="What is said of one source goes before what is said of all."
              />
            ))}
        </>
      )}
    </FormDialog>
  );
}
