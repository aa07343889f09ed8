// Narrows the audit log down: by whom, what, to what, and when.
import { useQuery } from "@tanstack/react-query";
import { X } from "lucide-react";
import { useId, type ComponentProps } from "react";
import { membersQuery } from "@/api/organization";
import { Button } from "@/components/ui/button";
import { Input, Select } from "@/components/ui/field";
import { auditGroups } from "@/lib/audit";

/** As typed; days in the reader's own time zone. */
export interface AuditChoice {
  actor: string;
  action: string;
  target: string;
  from: string;
  to: string;
}

interface AuditFiltersProps {
  choice: AuditChoice;
  onChange: (part: Partial<AuditChoice>) => void;
  onClear: () => void;
}

export function AuditFilters({ choice, onChange, onClear }: AuditFiltersProps) {
  const members = useQuery(membersQuery).data ?? [];
  const id = useId();
  const any = Object.values(choice).some(Boolean);
  const input = (name: keyof AuditChoice, more: ComponentProps<"input">) => (
    <Input
      id={`${id}-${name}`}
      value={choice[name]}
      onChange={(event) => onChange({ [name]: event.target.value })}
      {...more}
    />
  );
  const label = (name: keyof AuditChoice, text: string) => (
    <label htmlFor={`${id}-${name}`} className="mb-1 block text-sm font-semibold">
      {text}
    </label>
  );
  return (
    <div
      role="search"
      aria-label="Audit log"
      className="grid grid-cols-2 gap-3 px-5 pb-4 lg:grid-cols-[1.2fr_1.4fr_1.1fr_1fr_1fr]"
    >
      <div className="min-w-0">
        {label("actor", "Who")}
        {input("actor", { list: `${id}-actors`, placeholder: "Anybody", type: "search" })}
        <datalist id={`${id}-actors`}>
          {members.map((member) => (
            <option key={member.id} value={member.email}>
              {member.name}
            </option>
          ))}
        </datalist>
      </div>
      <div className="min-w-0">
        {label("action", "What")}
        <Select
          id={`${id}-action`}
          value={choice.action}
          onChange={(event) => onChange({ action: event.target.value })}
        >
          <option value="">Anything</option>
          {auditGroups.map(({ noun, about, actions }) => (
            <optgroup key={noun} label={about}>
              <option value={noun}>{about}: all</option>
              {Object.entries(actions).map(([action, words]) => (
                <option key={action} value={action}>
                  {words}
                </option>
              ))}
            </optgroup>
          ))}
        </Select>
      </div>
      <div className="min-w-0 max-lg:col-span-full">
        {label("target", "To what")}
        {input("target", {
          list: `${id}-targets`,
          placeholder: "A kind, such as file, or an id",
          type: "search",
        })}
        <datalist id={`${id}-targets`}>
          {auditGroups.map(({ noun }) => (
            <option key={noun} value={noun} />
          ))}
        </datalist>
      </div>
      <div className="min-w-0">
        {label("from", "From")}
        {input("from", { type: "date", max: choice.to || undefined })}
      </div>
      <div className="min-w-0">
        {label("to", "To")}
        {input("to", { type: "date", min: choice.from || undefined })}
      </div>
      {any && (
        <div className="col-span-full">
          <Button size="small" variant="ghost" onClick={onClear}>
            <X aria-hidden />
            Clear the filters
          </Button>
        </div>
      )}
    </div>
  );
}
