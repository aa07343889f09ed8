// The model that an organization sets for itself: the server's, none, or one of its own; tried before it is saved.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { FlaskConical } from "lucide-react";
import { useState, type FormEvent } from "react";
import { api, unwrap } from "@/api/client";
import { settingsQuery } from "@/api/queries";
import type { Settings } from "@/api/types";
import { Button } from "@/components/ui/button";
import { Choice, Field, PasswordField } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { toast } from "@/components/ui/toast";
import { ModelTest } from "./model-test";
import type { components } from "@/api/schema";

type ModelChange = components["schemas"]["ModelChange"];
type Kind = ModelChange["kind"];
type Price = components["schemas"]["Price"];

function kindOf({ llm }: Settings): Kind {
  if (llm.set_by === "server") return "server";
  return llm.configured ? "own" : "offline";
}

/** What the form holds; a key that was not typed is left as it is. */
function changeOf(kind: Kind, form: FormData, keyKept: boolean): ModelChange {
  if (kind !== "own") return { kind };
  const text = (name: string) => {
    const value = form.get(name);
    return typeof value === "string" ? value.trim() : "";
  };
  const key = text("api_key");
  return {
    kind,
    base_url: text("base_url"),
    model: text("model"),
    ...(key || !keyKept ? { api_key: key } : {}),
    value_hints: form.has("value_hints"),
    context_tokens: Number(text("context_tokens")) || null,
    price: text("input_price")
      ? { input: Number(text("input_price")), output: Number(text("output_price")) }
      : null,
  };
}

export function ModelForm({ settings }: { settings: Settings }) {
  const { llm } = settings;
  const client = useQueryClient();
  const own = llm.set_by === "organization" && llm.configured;
  const [kind, setKind] = useState<Kind>(kindOf(settings));
  const save = useMutation({
    mutationFn: (body: ModelChange) => unwrap(api.PUT("/api/v1/settings/llm", { body })),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: settingsQuery.queryKey });
      toast.done("The translator was set.");
    },
  });
  const test = useMutation({
    mutationFn: (body: ModelChange) => unwrap(api.POST("/api/v1/settings/llm/test", { body })),
  });
  const change = (form: HTMLFormElement) => changeOf(kind, new FormData(form), own && llm.key_set);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    save.mutate(change(event.currentTarget));
  };
  const choose = (next: Kind) => () => {
    setKind(next);
    test.reset();
    save.reset();
  };
  return (
    <form onSubmit={submit} className="space-y-4">
      <fieldset>
        <legend className="sr-only">Who turns questions into queries</legend>
        <Choice
          type="radio"
          name="kind"
          checked={kind === "server"}
          onChange={choose("server")}
          title="As the server is set"
          note={llm.server_model ?? "Built-in, offline: the server has no model of its own."}
          className="-mx-2.5"
        />
        <Choice
          type="radio"
          name="kind"
          checked={kind === "offline"}
          onChange={choose("offline")}
          title="Built-in, offline"
          note="Questions never leave the server. It reads English and answers in milliseconds."
          className="-mx-2.5"
        />
        <Choice
          type="radio"
          name="kind"
          checked={kind === "own"}
          onChange={choose("own")}
          title="A language model of your own"
          note="Any address that speaks the OpenAI API: OpenAI, Azure, Ollama on your own machine. It sees questions and the names of tables and columns, never rows."
          className="-mx-2.5"
        />
      </fieldset>
      {kind === "own" && (
        <div className="grid items-start gap-4 sm:grid-cols-2">
          <Field
            label="Address"
            name="base_url"
            type="url"
            required
            spellCheck={false}
            list="model-addresses"
            defaultValue={own ? (llm.base_url ?? "") : ""}
            placeholder="https://api.openai.com/v1"
            hint="The base, as far as /v1."
          />
          <datalist id="model-addresses">
            <option value="https://api.openai.com/v1" />
            <option value="http://localhost:11434/v1">Ollama on the server’s machine</option>
          </datalist>
          <Field
            label="Model"
            name="model"
            required
            spellCheck={false}
            autoCapitalize="none"
            defaultValue={own ? (llm.model ?? "") : ""}
            placeholder="gpt-4.1-mini"
          />
          <PasswordField
            label="Key"
            name="api_key"
            autoComplete="off"
            placeholder={own && llm.key_set ? "Set; type to replace it" : ""}
            hint={
              own && llm.key_set
                ? "Type it again when the address changes: it goes to no other."
                : "Stored encrypted and never shown again. Empty where none is needed."
            }
          />
          <Field
            label="Tokens it takes at once"
            name="context_tokens"
            type="number"
            inputMode="numeric"
            min={4000}
            step={1}
            defaultValue={(own && llm.context_tokens) || ""}
            placeholder="As many as needed"
            hint="For Ollama: its num_ctx, at least 4000."
          />
          <Prices price={(own && llm.price) || null} currency={llm.currency} />
          <Choice
            type="checkbox"
            name="value_hints"
            defaultChecked={own && llm.value_hints}
            title="Send frequent values of columns"
            note="It then spells filters right. The values come from your rows; nothing else of them leaves."
            className="-mx-2.5 sm:col-span-2"
          />
        </div>
      )}
      {save.isError && <Notice kind="error">{save.error.message}</Notice>}
      {test.isError && <Notice kind="error">{test.error.message}</Notice>}
      {test.data && <ModelTest report={test.data} />}
      <div className="flex flex-wrap gap-2">
        <Button type="submit" variant="primary" busy={save.isPending}>
          Save
        </Button>
        {(kind === "own" || (kind === "server" && llm.server_model)) && (
          <Button
            busy={test.isPending}
            onClick={(event) => {
              const form = event.currentTarget.form;
              if (form?.reportValidity()) test.mutate(change(form));
            }}
          >
            <FlaskConical aria-hidden />
            Test the model
          </Button>
        )}
      </div>
    </form>
  );
}

/** Two or none: with one of them nobody can tell what a question cost. */
function Prices({ price, currency }: { price: Price | null; currency: string }) {
  const [input, setInput] = useState(String(price?.input ?? ""));
  const [output, setOutput] = useState(String(price?.output ?? ""));
  const field = {
    type: "number",
    inputMode: "decimal",
    min: 0,
    step: "any",
    required: Boolean(input || output),
    placeholder: "Not known",
  } as const;
  return (
    <>
      <Field
        {...field}
        label={`${currency} for a million tokens read`}
        name="input_price"
        value={input}
        onChange={(event) => setInput(event.target.value)}
        hint="With both prices, answers and the usage page say what they cost."
      />
      <Field
        {...field}
        label={`${currency} for a million tokens written`}
        name="output_price"
        value={output}
        onChange={(event) => setOutput(event.target.value)}
      />
    </>
  );
}
