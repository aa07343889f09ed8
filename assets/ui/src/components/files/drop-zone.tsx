// Takes files by drop or by choice, several at once.
import { useQuery } from "@tanstack/react-query";
import { UploadCloud } from "lucide-react";
import { useRef, useState, type DragEvent } from "react";
import { settingsQuery } from "@/api/queries";
import { uploadStore } from "@/api/uploads";
import { Button } from "@/components/ui/button";
import { cn } from "@/lib/cn";
import { formatBytes } from "@/lib/format";

const ACCEPTED = ".csv,.tsv,.txt,.json,.ndjson,.jsonl,.parquet,.arrow,.feather,.ipc,.xlsx";

export function DropZone() {
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const limit = useQuery(settingsQuery).data?.limits.upload_max_bytes ?? null;

  function take(list: FileList | null) {
    if (list?.length) uploadStore.add([...list], limit);
  }

  function drag(event: DragEvent, inside: boolean) {
    event.preventDefault();
    setOver(inside);
  }

  return (
    // A drop target for the mouse; the button inside does the same for the keyboard.
    <div
      onDragEnter={(event) => drag(event, true)}
      onDragOver={(event) => drag(event, true)}
      onDragLeave={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) drag(event, false);
      }}
      onDrop={(event) => {
        drag(event, false);
        take(event.dataTransfer.files);
      }}
      className={cn(
        "mb-5 flex flex-col items-center rounded-2xl border-2 border-dashed border-line-strong px-6 py-8 text-center transition-colors",
        over && "border-custard-strong bg-custard-soft",
      )}
    >
      <UploadCloud className="mb-2 size-8 text-ink-soft" aria-hidden />
      <p className="font-semibold">{over ? "Let go to upload" : "Drop files here"}</p>
      <p className="mt-0.5 mb-4 text-sm text-ink-soft">
        CSV, TSV, JSON, Parquet, Arrow or Excel, several at once
        {limit !== null && `, up to ${formatBytes(limit)} each`}
      </p>
      <input
        ref={input}
        type="file"
        multiple
        accept={ACCEPTED}
        className="sr-only"
        tabIndex={-1}
        aria-label="Files to upload"
        onChange={(event) => {
          take(event.target.files);
          event.target.value = "";
        }}
      />
      <Button variant="primary" onClick={() => input.current?.click()}>
        Choose files
      </Button>
    </div>
  );
}
