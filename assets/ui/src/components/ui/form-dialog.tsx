// A dialog that is one small form: it waits for the server, shows its sentence when it refuses, and closes when done.
import { useState, type FormEvent, type ReactNode } from "react";
import { ApiError } from "@/api/error";
import { Button } from "./button";
import { Dialog } from "./dialog";
import { Notice } from "./notice";

interface FormDialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  description?: string;
  submit: string;
  /** What it does cannot be undone. */
  danger?: boolean;
  wide?: boolean;
  /** The dialog closes when this is done, and stays with the sentence when it throws. */
  run: (form: FormData) => Promise<unknown>;
  /** Codes of errors that the fields show themselves. */
  atFields?: readonly string[];
  children: (error: Error | null) => ReactNode;
}

export function FormDialog({
  open,
  onOpenChange,
  title,
  description,
  wide,
  ...form
}: FormDialogProps) {
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title={title}
      description={description}
      wide={wide}
    >
      <Form {...form} close={() => onOpenChange(false)} />
    </Dialog>
  );
}

type FormProps = Pick<FormDialogProps, "submit" | "danger" | "run" | "atFields" | "children"> & {
  close: () => void;
};

/** Lives as long as the dialog is open, so that each opening starts anew. */
function Form({ submit, danger, run, atFields = [], children, close }: FormProps) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);

  async function send(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setError(null);
    try {
      await run(form);
      close();
    } catch (cause) {
      setError(cause instanceof Error ? cause : new Error(String(cause)));
    } finally {
      setBusy(false);
    }
  }

  return (
    <form className="space-y-4" onSubmit={(event) => void send(event)}>
      {children(error)}
      {error && !(error instanceof ApiError && atFields.includes(error.code)) && (
        <Notice kind="error">{error.message}</Notice>
      )}
      <div className="flex justify-end gap-2 pt-2">
        <Button onClick={close}>Cancel</Button>
        <Button type="submit" variant={danger ? "danger" : "primary"} busy={busy}>
          {submit}
        </Button>
      </div>
    </form>
  );
}

/** The error's sentence where its code is one of these, for the field it belongs to. */
export function sentenceOf(error: Error | null, ...codes: string[]): string | null {
  return error instanceof ApiError && codes.includes(error.code) ? error.message : null;
}

/** A field's text, without the spaces around it. */
export function textOf(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === "string" ? value.trim() : "";
}
