// One file: its rows, the profile of its columns, and how it was imported.
import { useQuery } from "@tanstack/react-query";
import { FileClock, ListChecks, Rows3 } from "lucide-react";
import { useState } from "react";
import { useNavigate, useParams } from "react-router";
import { fileQuery, previewQuery } from "@/api/queries";
import { SourceAccess } from "@/components/access/access-dialog";
import { ColumnProfiles } from "@/components/files/column-profiles";
import { DeleteFile } from "@/components/files/delete-file";
import { Report } from "@/components/files/import-report";
import { DataTable } from "@/components/data-table";
import { Page } from "@/components/page";
import { Badge } from "@/components/ui/badge";
import { ButtonLink } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Select } from "@/components/ui/field";
import { LoadError } from "@/components/ui/notice";
import { Skeleton } from "@/components/ui/skeleton";
import { Tabs } from "@/components/ui/tabs";
import { formatBytes, plural, timeAgo } from "@/lib/format";
import { useAtLeast } from "@/lib/rights";
import { useUser } from "@/lib/use-session";

export default function FileDetail() {
  const { id = "" } = useParams();
  const navigate = useNavigate();
  const user = useUser();
  const mayAdd = useAtLeast("analyst");
  const mayManage = useAtLeast("admin");
  const file = useQuery(fileQuery(id));
  const [chosen, setChosen] = useState<string | null>(null);
  const [tab, setTab] = useState("preview");

  if (file.isError)
    return (
      <Page title="File">
        <LoadError error={file.error} retry={() => void file.refetch()} />
      </Page>
    );
  if (file.isPending)
    return (
      <Page title="File" heading={<Skeleton className="h-9 w-64" />}>
        <Skeleton className="h-96" />
      </Page>
    );

  const { data } = file;
  const table = data.tables.find(({ name }) => name === chosen) ?? data.tables[0];
  return (
    <Page
      title={data.name}
      note={
        <>
          {table &&
            `${plural(table.row_count, "row")} · ${plural(table.columns.length, "column")} · `}
          {formatBytes(data.size_bytes)} · {data.format.toUpperCase()} · {timeAgo(data.created_at)}
          {data.sample && (
            <Badge tone="custard" className="ml-2">
              Sample
            </Badge>
          )}
        </>
      }
      action={
        <>
          <ButtonLink to={`/ask?file=${encodeURIComponent(data.id)}`} variant="primary">
            Ask about this file
          </ButtonLink>
          {(mayManage || (mayAdd && data.created_by === user.id)) && (
            <SourceAccess kind="files" id={data.id} name={data.name} />
          )}
          <DeleteFile file={data} onDeleted={() => void navigate("/files")} />
        </>
      }
    >
      {data.tables.length > 1 && (
        <label className="mb-4 flex items-center gap-2 text-sm font-semibold">
          Sheet
          <Select
            className="w-auto max-w-64 font-normal"
            value={table?.name}
            onChange={(event) => setChosen(event.target.value)}
          >
            {data.tables.map(({ name, row_count }) => (
              <option key={name} value={name}>
                {name} ({plural(row_count, "row")})
              </option>
            ))}
          </Select>
        </label>
      )}
      {table && (
        <Card className="p-4 sm:p-5">
          <Tabs
            label="About this file"
            value={tab}
            onValueChange={setTab}
            items={[
              {
                value: "preview",
                label: (
                  <>
                    <Rows3 aria-hidden /> Preview
                  </>
                ),
                content: <Preview id={id} table={table.name} />,
              },
              {
                value: "profile",
                label: (
                  <>
                    <ListChecks aria-hidden /> Profile
                  </>
                ),
                content: <ColumnProfiles id={id} table={table.name} />,
              },
              {
                value: "report",
                label: (
                  <>
                    <FileClock aria-hidden /> Import
                    {table.odd_row_count > 0 && <Badge tone="warn">{table.odd_row_count}</Badge>}
                  </>
                ),
                content: <Report key={table.name} file={data} table={table.name} />,
              },
            ]}
          />
        </Card>
      )}
    </Page>
  );
}

function Preview({ id, table }: { id: string; table: string }) {
  const preview = useQuery(previewQuery(id, table));
  if (preview.isPending) return <Skeleton className="mt-4 h-120" />;
  if (preview.isError)
    return (
      <div className="mt-4">
        <LoadError error={preview.error} retry={() => void preview.refetch()} />
      </div>
    );
  const { columns, rows, row_count } = preview.data;
  return (
    <div className="mt-4">
      <DataTable
        label={`First rows of ${table}`}
        columns={columns}
        rows={rows}
        rowCount={row_count}
        maxHeight={520}
      />
      <p className="mt-1.5 text-xs text-ink-faint">
        {rows.length < row_count
          ? `The first ${plural(rows.length, "row")} of ${row_count.toLocaleString("en")}`
          : plural(row_count, "row")}
      </p>
    </div>
  );
}
