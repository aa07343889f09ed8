// Files: bring them in, watch them arrive, and the list of what is here.
import { useQuery } from "@tanstack/react-query";
import { FileSpreadsheet, TriangleAlert } from "lucide-react";
import { Link } from "react-router";
import { filesQuery, samplesQuery } from "@/api/queries";
import type { DataFile } from "@/api/types";
import { AddSamples } from "@/components/add-samples";
import { DeleteFile } from "@/components/files/delete-file";
import { DropZone } from "@/components/files/drop-zone";
import { UploadList } from "@/components/files/upload-list";
import { Page } from "@/components/page";
import { Badge } from "@/components/ui/badge";
import { ButtonLink } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Empty, LoadError } from "@/components/ui/notice";
import { SkeletonRows } from "@/components/ui/skeleton";
import { formatBytes, plural, timeAgo } from "@/lib/format";
import { useAtLeast } from "@/lib/rights";

export default function Files() {
  const files = useQuery(filesQuery);
  const samples = useQuery(samplesQuery).data;
  const mayAdd = useAtLeast("analyst");
  return (
    <Page
      title="Files"
      note={mayAdd ? "Upload tables and ask across them." : "Tables you can ask across."}
      action={samples && !samples.added && files.data && files.data.length > 0 && <AddSamples />}
    >
      {mayAdd && <DropZone />}
      {mayAdd && <UploadList />}
      {files.isPending ? (
        <SkeletonRows count={4} className="h-18" />
      ) : files.isError ? (
        <LoadError error={files.error} retry={() => void files.refetch()} />
      ) : files.data.length === 0 ? (
        <Card>
          <Empty
            icon={FileSpreadsheet}
            title="No files yet"
            action={samples && !samples.added && <AddSamples variant="primary" />}
          >
            {mayAdd
              ? "Drop a CSV, Excel or Parquet file above. If you have none at hand, add the sample data of a frozen-custard chain and ask it something."
              : "Files that your colleagues upload appear here. Ask an analyst, admin or owner to add one."}
          </Empty>
        </Card>
      ) : (
        <Card aria-label="Files">
          <ul className="divide-y divide-line">
            {files.data.map((file) => (
              <FileItem key={file.id} file={file} />
            ))}
          </ul>
        </Card>
      )}
    </Page>
  );
}

function FileItem({ file }: { file: DataFile }) {
  const rows = file.tables.reduce((sum, table) => sum + table.row_count, 0);
  const odd = file.tables.reduce((sum, table) => sum + table.odd_row_count, 0);
  const columns = file.tables[0]?.columns.length ?? 0;
  return (
    <li className="flex items-center gap-3 py-1.5 pr-3">
      <Link
        to={`/files/${file.id}`}
        className="flex min-w-0 flex-1 items-center gap-4 rounded-xl px-5 py-2.5 hover:[&_.name]:underline"
      >
        <FileSpreadsheet className="size-5 shrink-0 text-ink-soft" aria-hidden />
        <span className="min-w-0 flex-1">
          <span className="flex items-center gap-x-2 max-sm:flex-wrap">
            <span className="name truncate font-semibold" title={file.name}>
              {file.name}
            </span>
            {file.sample && <Badge tone="custard">Sample</Badge>}
            {odd > 0 && (
              <Badge tone="warn" title={`${plural(odd, "odd row")}: see the import report`}>
                <TriangleAlert aria-hidden />
                {plural(odd, "odd row")}
              </Badge>
            )}
          </span>
          <span className="block text-sm text-ink-soft sm:truncate">
            {plural(rows, "row")}
            {" · "}
            {file.tables.length > 1
              ? plural(file.tables.length, "table")
              : plural(columns, "column")}
            {" · "}
            {formatBytes(file.size_bytes)}
            {" · "}
            {timeAgo(file.created_at)}
          </span>
        </span>
      </Link>
      <ButtonLink
        to={`/ask?file=${encodeURIComponent(file.id)}`}
        size="small"
        className="max-sm:hidden"
        aria-label={`Ask about ${file.name}`}
      >
        Ask
      </ButtonLink>
      <DeleteFile file={file} />
    </li>
  );
}
