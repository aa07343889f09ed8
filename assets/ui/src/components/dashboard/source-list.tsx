// The organisation's sources: connections with their two live facts, and the newest files.
import { useQuery } from "@tanstack/react-query";
import { Cable, Database, FileSpreadsheet } from "lucide-react";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { connectionsQuery, filesQuery } from "@/api/queries";
import { ConnectionState } from "@/components/connections/state";
import { Card, CardHead } from "@/components/ui/card";
import { Empty, LoadError } from "@/components/ui/notice";
import { SkeletonRows } from "@/components/ui/skeleton";
import { plural } from "@/lib/format";
import { kindLabel, kindWords } from "@/lib/kinds";

const MOST_FILES = 6;

export function SourceList() {
  const files = useQuery(filesQuery);
  const connections = useQuery(connectionsQuery);

  let body: ReactNode;
  if (files.isPending || connections.isPending)
    body = (
      <div className="px-5 pb-5">
        <SkeletonRows count={3} />
      </div>
    );
  else if (files.isError || connections.isError) {
    const failed = files.isError ? files : connections;
    body = (
      <div className="px-5 pb-5">
        {failed.error && <LoadError error={failed.error} retry={() => void failed.refetch()} />}
      </div>
    );
  } else if (files.data.length === 0 && connections.data.length === 0)
    body = (
      <Empty icon={Database} title="No sources yet" className="pt-4">
        A source is a file you upload or a database with an agent beside it.
      </Empty>
    );
  else
    body = (
      <ul className="pb-2">
        {connections.data.map((connection) => (
          <SourceItem
            key={connection.id}
            to={`/connections/${connection.id}`}
            icon={<Cable aria-hidden />}
            name={connection.name}
            note={
              kindLabel(connection.db_type) +
              (connection.discovered_at
                ? ` · ${plural(connection.table_count, kindWords(connection.db_type).table)}`
                : "")
            }
            state={<ConnectionState connection={connection} />}
          />
        ))}
        {files.data.slice(0, MOST_FILES).map((file) => (
          <SourceItem
            key={file.id}
            to={`/files/${file.id}`}
            icon={<FileSpreadsheet aria-hidden />}
            name={file.name}
            note={plural(
              file.tables.reduce((sum, table) => sum + table.row_count, 0),
              "row",
            )}
          />
        ))}
        {files.data.length > MOST_FILES && (
          <li>
            <Link
              to="/files"
              className="block px-5 py-2.5 text-sm font-semibold text-berry hover:underline"
            >
              All {files.data.length} files
            </Link>
          </li>
        )}
      </ul>
    );

  return (
    <Card aria-labelledby="sources">
      <CardHead id="sources" title="Sources" />
      {body}
    </Card>
  );
}

interface SourceItemProps {
  to: string;
  icon: ReactNode;
  name: string;
  note: string;
  state?: ReactNode;
}

function SourceItem({ to, icon, name, note, state }: SourceItemProps) {
  return (
    <li>
      <Link
        to={to}
        className="flex items-center gap-3 px-5 py-2.5 transition-colors hover:bg-sunken/70 [&_svg]:size-4.5 [&_svg]:shrink-0 [&_svg]:text-ink-soft"
      >
        {icon}
        <span className="min-w-0 flex-1">
          <span className="block truncate font-semibold" title={name}>
            {name}
          </span>
          <span className="block text-sm text-ink-soft">{note}</span>
        </span>
        {state}
      </Link>
    </li>
  );
}
