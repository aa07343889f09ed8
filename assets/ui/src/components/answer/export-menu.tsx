// Saves the whole stored result in a format of choice.
import { Download } from "lucide-react";
import { useState } from "react";
import { download } from "@/api/client";
import type { Answer } from "@/api/types";
import { Button } from "@/components/ui/button";
import { Menu, MenuItem } from "@/components/ui/menu";
import { toast } from "@/components/ui/toast";

const formats = [
  { format: "csv", label: "CSV" },
  { format: "xlsx", label: "Excel (XLSX)" },
  { format: "json", label: "JSON" },
  { format: "parquet", label: "Parquet" },
  { format: "arrow", label: "Arrow" },
] as const;

export function ExportMenu({ answer }: { answer: Answer }) {
  const [busy, setBusy] = useState(false);
  const id = answer.result_id;
  if (!id) return null;

  async function save(format: string) {
    setBusy(true);
    try {
      await download(
        `/api/v1/results/${encodeURIComponent(id ?? "")}/export?format=${format}`,
        `${fileStem(answer.question)}.${format}`,
      );
    } catch (cause) {
      toast.error(cause);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Menu
      trigger={
        <Button variant="ghost" size="icon-small" aria-label="Export" title="Export" busy={busy}>
          <Download aria-hidden />
        </Button>
      }
    >
      {formats.map(({ format, label }) => (
        <MenuItem key={format} onSelect={() => void save(format)}>
          {label}
        </MenuItem>
      ))}
    </Menu>
  );
}

function fileStem(question: string): string {
  const stem = question
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 60);
  return stem || "answer";
}
