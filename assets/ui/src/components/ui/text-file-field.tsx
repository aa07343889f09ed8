// A text that is chosen as a file or pasted; what was chosen can be looked at and changed before it is sent.
import { useId } from "react";
import { TextField } from "./field";

interface TextFileFieldProps {
  /** Of the pasted text in the form. */
  name: string;
  /** Kinds of files, as an input takes them. */
  accept: string;
  rows: number;
  placeholder: string;
  value: string;
  onChange: (text: string) => void;
}

export function TextFileField({
  name,
  accept,
  rows,
  placeholder,
  value,
  onChange,
}: TextFileFieldProps) {
  const id = useId();
  return (
    <>
      <div>
        <label htmlFor={id} className="mb-1.5 block text-sm font-semibold">
          File
        </label>
        <input
          id={id}
          type="file"
          accept={accept}
          className="block w-full text-sm file:mr-3 file:rounded-lg file:border file:border-line-strong file:bg-surface file:px-3 file:py-1.5 file:font-semibold file:text-ink"
          onChange={(event) => {
            const file = event.target.files?.[0];
            if (file) void file.text().then(onChange);
          }}
        />
      </div>
      <TextField
        label="Or paste it"
        name={name}
        required
        rows={rows}
        spellCheck={false}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        placeholder={placeholder}
        className="[&_textarea]:font-mono [&_textarea]:text-sm"
      />
    </>
  );
}
