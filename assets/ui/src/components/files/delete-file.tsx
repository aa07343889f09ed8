// Deletes a file after asking; not shown to those who may not.
import { useQueryClient } from "@tanstack/react-query";
import { Trash2 } from "lucide-react";
import { api, finish } from "@/api/client";
import type { DataFile } from "@/api/types";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/dialog";
import { toast } from "@/components/ui/toast";
import { useAtLeast } from "@/lib/rights";

interface DeleteFileProps {
  file: DataFile;
  onDeleted?: () => void;
}

export function DeleteFile({ file, onDeleted }: DeleteFileProps) {
  const client = useQueryClient();
  const allowed = useAtLeast("analyst");

  async function remove() {
    await finish(api.DELETE("/api/v1/files/{id}", { params: { path: { id: file.id } } }));
    onDeleted?.();
    client.setQueryData<DataFile[]>(["files"], (list) => list?.filter(({ id }) => id !== file.id));
    void client.invalidateQueries({ queryKey: ["files"], exact: true });
    void client.invalidateQueries({ queryKey: ["samples"] });
    toast.done(`${file.name} was deleted.`);
  }

  if (!allowed) return null;
  return (
    <Confirm
      trigger={(open) => (
        <Button
          variant="ghost"
          size="icon-small"
          aria-label={`Delete ${file.name}`}
          title="Delete"
          onClick={open}
        >
          <Trash2 aria-hidden />
        </Button>
      )}
      title="Delete this file?"
      confirm="Delete"
      onConfirm={remove}
    >
      <span className="font-semibold break-words text-ink">{file.name}</span> and what was imported
      from it are deleted from this server. Answers that were made from it stay readable.
    </Confirm>
  );
}
