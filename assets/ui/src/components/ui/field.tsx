// A labelled form field: label, control, hint and error tied together for screen readers.
import { Eye, EyeOff } from "lucide-react";
import { useId, useState, type ComponentProps, type ReactNode } from "react";
import { cn } from "@/lib/cn";

export const controlStyle =
  "w-full rounded-lg border border-line-strong bg-surface px-3 text-ink transition-colors hover:border-ink-faint focus-visible:rounded-lg disabled:opacity-60 aria-invalid:border-bad";

const fieldStyle = "h-10.5 text-base sm:text-[0.9375rem]";

interface Described {
  label: string;
  hint?: ReactNode;
  error?: string | null;
}

interface FieldProps extends ComponentProps<"input">, Described {
  /** Stands inside the field, at its right. */
  inside?: ReactNode;
}

export function Field({ label, hint, error, className, inside, ...rest }: FieldProps) {
  const id = useId();
  return (
    <div className={className}>
      <label htmlFor={id} className="mb-1.5 block text-sm font-semibold">
        {label}
      </label>
      <div className="relative">
        <input
          id={id}
          className={cn(controlStyle, fieldStyle, inside && "pr-11")}
          aria-invalid={error ? true : undefined}
          aria-describedby={hint || error ? `${id}-note` : undefined}
          {...rest}
        />
        {inside}
      </div>
      <Note id={`${id}-note`} hint={hint} error={error} />
    </div>
  );
}

/** A password, hidden until its owner wants to see what was typed. */
export function PasswordField(props: FieldProps) {
  const [shown, setShown] = useState(false);
  const Icon = shown ? EyeOff : Eye;
  const words = shown ? "Hide what was typed" : "Show what was typed";
  return (
    <Field
      {...props}
      type={shown ? "text" : "password"}
      spellCheck={false}
      autoCapitalize="none"
      inside={
        <button
          type="button"
          aria-label={words}
          title={words}
          aria-pressed={shown}
          onClick={() => setShown(!shown)}
          className="absolute inset-y-0.5 right-0.5 grid w-10 place-items-center rounded-md text-ink-faint hover:text-ink"
        >
          <Icon className="size-4.5" aria-hidden />
        </button>
      }
    />
  );
}

interface TextFieldProps extends ComponentProps<"textarea">, Described {}

/** Several lines of text. */
export function TextField({ label, hint, error, className, ...rest }: TextFieldProps) {
  const id = useId();
  return (
    <div className={className}>
      <label htmlFor={id} className="mb-1.5 block text-sm font-semibold">
        {label}
      </label>
      <textarea
        id={id}
        rows={3}
        className={cn(controlStyle, "py-2 text-base sm:text-[0.9375rem]")}
        aria-invalid={error ? true : undefined}
        aria-describedby={hint || error ? `${id}-note` : undefined}
        {...rest}
      />
      <Note id={`${id}-note`} hint={hint} error={error} />
    </div>
  );
}

interface SelectFieldProps extends ComponentProps<"select">, Described {}

export function SelectField({ label, hint, error, className, ...rest }: SelectFieldProps) {
  const id = useId();
  return (
    <div className={className}>
      <label htmlFor={id} className="mb-1.5 block text-sm font-semibold">
        {label}
      </label>
      <select
        id={id}
        className={cn(controlStyle, fieldStyle)}
        aria-invalid={error ? true : undefined}
        aria-describedby={hint || error ? `${id}-note` : undefined}
        {...rest}
      />
      <Note id={`${id}-note`} hint={hint} error={error} />
    </div>
  );
}

function Note({ id, hint, error }: Pick<Described, "hint" | "error"> & { id: string }) {
  if (!hint && !error) return null;
  return (
    <p
      id={id}
      // An error that comes later is read out; the hint is read with the field.
      role={error ? "alert" : undefined}
      className={cn("mt-1.5 text-sm", error ? "text-bad" : "text-ink-soft")}
    >
      {error ?? hint}
    </p>
  );
}

export function Input({ className, ...rest }: ComponentProps<"input">) {
  return <input className={cn(controlStyle, "h-9 text-base sm:text-sm", className)} {...rest} />;
}

export function Select({ className, ...rest }: ComponentProps<"select">) {
  return <select className={cn(controlStyle, "h-9 text-sm", className)} {...rest} />;
}

interface ChoiceProps extends Omit<ComponentProps<"input">, "title"> {
  type: "radio" | "checkbox";
  title: ReactNode;
  note?: ReactNode;
}

/** A radio button or a check box with its words; the whole line can be clicked. */
export function Choice({ title, note, className, disabled, ...rest }: ChoiceProps) {
  return (
    <label
      className={cn(
        "flex items-start gap-3 rounded-lg px-2.5 py-2",
        disabled ? "opacity-60" : "cursor-pointer hover:bg-sunken has-checked:bg-custard-soft",
        className,
      )}
    >
      <input
        className="mt-0.5 size-4.5 shrink-0 accent-custard-strong"
        disabled={disabled}
        {...rest}
      />
      <span className="min-w-0 flex-1">
        <span className="block text-[0.9375rem] font-semibold wrap-anywhere">{title}</span>
        {note && <span className="block text-sm wrap-anywhere text-ink-soft">{note}</span>}
      </span>
    </label>
  );
}
