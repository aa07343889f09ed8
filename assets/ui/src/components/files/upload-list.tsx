// The uploads under way: true progress of the bytes, then the import, each with its abort.
import { CircleAlert, CircleCheck, FileUp, RotateCw, X } from "lucide-react";
import { Link } from "react-router";
import { uploadStore, type Upload } from "@/api/uploads";
import { Button, ButtonLink } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Progress } from "@/components/ui/progress";
import { formatBytes, plural } from "@/lib/format";
import { useUploads } from "@/lib/use-uploads";

export function UploadList() {
  const uploads = useUploads();
  if (uploads.length === 0) return null;
  return (
    <Card className="mb-5" aria-label="Uploads">
      <ul className="divide-y divide-line">
        {uploads.map((upload) => (
          <UploadItem key={upload.key} upload={upload} />
        ))}
      </ul>
    </Card>
  );
}

function UploadItem({ upload }: { upload: Upload }) {
  const { key, name, state, size, sent } = upload;
  const active = state === "waiting" || state === "sending" || state === "importing";
  const Icon = state === "done" ? CircleCheck : state === "failed" ? CircleAlert : FileUp;
  const tone = state === "done" ? "text-good" : state === "failed" ? "text-bad" : "text-ink-soft";
  return (
    <li className="flex min-h-18 items-center gap-4 px-5 py-3">
      <Icon className={`size-5 shrink-0 ${tone}`} aria-hidden />
      <div className="min-w-0 flex-1">
        <p className="truncate font-semibold" title={name}>
          {upload.file ? (
            <Link to={`/files/${upload.file.id}`} className="hover:underline">
              {name}
            </Link>
          ) : (
            name
          )}
        </p>
        <p className="text-sm break-words text-ink-soft" aria-live="polite">
          {describe(upload)}
        </p>
        {active && (
          <div className="mt-1.5">
            <Progress
              label={`Upload of ${name}`}
              value={state === "importing" ? null : size ? (sent / size) * 100 : 0}
            />
          </div>
        )}
      </div>
      {state === "done" && upload.file && (
        <ButtonLink to={`/ask?file=${encodeURIComponent(upload.file.id)}`} size="small">
          Ask
        </ButtonLink>
      )}
      {state === "failed" && uploadStore.canRetry(key) && (
        <Button size="small" onClick={() => uploadStore.retry(key)}>
          <RotateCw aria-hidden />
          Retry
        </Button>
      )}
      <Button
        variant="ghost"
        size="icon-small"
        aria-label={active ? `Abort the upload of ${name}` : `Dismiss ${name}`}
        title={active ? "Abort" : "Dismiss"}
        onClick={() => (active ? uploadStore.abort(key) : uploadStore.dismiss(key))}
      >
        <X aria-hidden />
      </Button>
    </li>
  );
}

function describe({ state, sent, size, message, file }: Upload): string {
  switch (state) {
    case "waiting":
      return `Waiting, ${formatBytes(size)}`;
    case "sending":
      return `${formatBytes(sent)} of ${formatBytes(size)}`;
    case "importing":
      return "Importing…";
    case "failed":
      return message ?? "The file could not be imported.";
    case "done":
      return file
        ? file.tables.map((table) => `${table.name}: ${plural(table.row_count, "row")}`).join(", ")
        : "Imported";
  }
}
