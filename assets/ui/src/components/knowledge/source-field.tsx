// The connection or file that something is said of.
import { useQuery } from "@tanstack/react-query";
import { connectionsQuery, filesQuery } from "@/api/queries";
import { SelectField } from "@/components/ui/field";

interface SourceFieldProps {
  /** What the first choice is called; without it one has to be chosen. */
  all?: string;
  hint?: string;
  /** Whether all files together are a source. */
  together?: boolean;
}

/** Its value is `connection:ID`, `file:ID` (for files together their ids, joined by commas), or nothing. */
export function SourceField({ all, hint, together }: SourceFieldProps) {
  const connections = useQuery(connectionsQuery).data ?? [];
  const files = useQuery(filesQuery).data ?? [];
  return (
    <SelectField label="Source" name="source" required={!all} defaultValue="" hint={hint}>
      <option value="" disabled={!all}>
        {all ?? "Choose one"}
      </option>
      {connections.length > 0 && (
        <optgroup label="Connections">
          {connections.map(({ id, name }) => (
            <option key={id} value={`connection:${id}`}>
              {name}
            </option>
          ))}
        </optgroup>
      )}
      {files.length > 0 && (
        <optgroup label="Files">
          {together && files.length > 1 && (
            <option value={`file:${files.map(({ id }) => id).join(",")}`}>
              All files together
            </option>
          )}
          {files.map(({ id, name }) => (
            <option key={id} value={`file:${id}`}>
              {name}
            </option>
          ))}
        </optgroup>
      )}
    </SelectField>
  );
}

/** The kind and id in a value of the field; null when none was chosen. */
export function sourceOf(form: FormData): { kind: "connection" | "file"; id: string } | null {
  const value = form.get("source");
  const [kind, id] = typeof value === "string" ? value.split(":") : [];
  return id && (kind === "connection" || kind === "file") ? { kind, id } : null;
}
