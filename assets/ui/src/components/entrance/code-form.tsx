// The second step of a log-in: the code of the authenticator app, or a recovery code.
import { useState } from "react";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";

interface CodeFormProps {
  busy: boolean;
  error: string | null;
  onCode: (code: string) => void;
  onBack: () => void;
}

export function CodeForm({ busy, error, onCode, onBack }: CodeFormProps) {
  const [recovery, setRecovery] = useState(false);
  return (
    <form
      className="space-y-4"
      onSubmit={(event) => {
        event.preventDefault();
        onCode(String(new FormData(event.currentTarget).get("code")).trim());
      }}
    >
      {recovery ? (
        <Field
          key="recovery"
          label="Recovery code"
          name="code"
          required
          // eslint-disable-next-line jsx-a11y/no-autofocus -- it replaces the field that had the focus
          autoFocus
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          error={error}
          hint="One of those you kept when you switched the second factor on. Each works once."
        />
      ) : (
        // eslint-disable-next-line jsx-a11y/no-autofocus -- the step before it is gone, and the focus with it
        <CodeField key="code" error={error} autoFocus />
      )}
      <Button type="submit" variant="primary" className="w-full" busy={busy}>
        Log in
      </Button>
      <div className="flex flex-wrap justify-between gap-2">
        <Button variant="ghost" size="small" onClick={onBack}>
          Back
        </Button>
        <Button variant="ghost" size="small" onClick={() => setRecovery(!recovery)}>
          {recovery ? "Use the app’s code instead" : "Use a recovery code instead"}
        </Button>
      </div>
    </form>
  );
}

interface CodeFieldProps {
  error: string | null;
  autoFocus?: boolean;
  /** A recovery code is as good here. */
  orRecovery?: boolean;
}

/** Six digits, however they are typed. */
export function CodeField({ error, autoFocus, orRecovery }: CodeFieldProps) {
  const digits = orRecovery
    ? { hint: "Six digits from your authenticator app, or a recovery code." }
    : {
        inputMode: "numeric" as const,
        pattern: "[0-9 ]{6,8}",
        maxLength: 8,
        title: "Six digits",
        hint: "Six digits from your authenticator app.",
      };
  return (
    <Field
      label="Code"
      name="code"
      required
      // eslint-disable-next-line jsx-a11y/no-autofocus -- the step before it is gone, and the focus with it
      autoFocus={autoFocus}
      autoComplete="one-time-code"
      spellCheck={false}
      autoCapitalize="none"
      error={error}
      {...digits}
    />
  );
}
