// Which kind of database is to be connected: one of those the server knows.
import type { Kind } from "@/api/types";
import { connectionKinds, kindLabel } from "@/lib/kinds";

interface KindPickerProps {
  value: Kind;
  onChange: (kind: Kind) => void;
}

export function KindPicker({ value, onChange }: KindPickerProps) {
  return (
    <fieldset>
      <legend className="mb-1.5 text-sm font-semibold">Kind of database</legend>
      <div className="grid grid-cols-2 gap-2">
        {connectionKinds.map((kind) => (
          <label
            key={kind}
            className="flex min-h-10.5 cursor-pointer leading-tight items-center gap-2.5 rounded-lg border border-line-strong px-3 text-[0.9375rem] hover:bg-sunken has-checked:border-custard-strong has-checked:bg-custard-soft has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-berry"
          >
            <input
              type="radio"
              name="db_type"
              value={kind}
              checked={kind === value}
              onChange={() => onChange(kind)}
              className="size-4 shrink-0 accent-custard-strong outline-none"
            />
            {kindLabel(kind)}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
