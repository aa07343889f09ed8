// What an answer can be checked by: chart, table, a closer look and query, with copy, export and keep.
import { ChartColumn, CodeXml, Microscope, Table2 } from "lucide-react";
import { useState, type ReactNode } from "react";
import type { Answer } from "@/api/types";
import { ChartView } from "@/components/chart-view";
import { DataTable } from "@/components/data-table";
import { QueryEditor } from "@/components/query-editor";
import { Button } from "@/components/ui/button";
import { CopyButton } from "@/components/ui/copy-button";
import { Notice } from "@/components/ui/notice";
import { Tabs, type TabItem } from "@/components/ui/tabs";
import { groupDigits, plural, tableToText } from "@/lib/format";
import { useResultRows } from "@/lib/use-result-rows";
import { CloserLook } from "./closer-look";
import { ExportMenu } from "./export-menu";
import { KeepButton } from "./keep-button";
import { OwnQuery } from "./own-query";

interface AnswerResultProps {
  answer: Answer;
  run: ((query: string) => void) | null;
}

export function AnswerResult({ answer, run }: AnswerResultProps) {
  const query = answer.query ?? answer.sql_query;
  const expired = isExpired(answer);
  const tabular = answer.outcome === "answered" && answer.columns.length > 0 && !expired;
  const looked = tabular && answer.analysis && answer.result_id && answer.row_count > 1;
  const [tab, setTab] = useState(
    looked ? "analyse" : answer.chart && tabular ? "chart" : tabular ? "table" : "query",
  );
  if (!tabular && !query)
    return answer.outcome === "refused" ? <OwnQuery answer={answer} run={run} /> : null;

  const items: TabItem[] = [];
  if (tabular && answer.chart)
    items.push({
      value: "chart",
      label: <TabLabel icon={<ChartColumn aria-hidden />} text="Chart" />,
      content: <ChartPane answer={answer} />,
    });
  if (tabular)
    items.push({
      value: "table",
      label: <TabLabel icon={<Table2 aria-hidden />} text="Table" />,
      content: (
        <div className="pt-3">
          <ResultTable answer={answer} />
        </div>
      ),
    });
  if (tabular && answer.result_id && answer.row_count > 1)
    items.push({
      value: "analyse",
      label: <TabLabel icon={<Microscope aria-hidden />} text="Analyse" />,
      content: (
        <div className="pt-3">
          <CloserLook
            resultId={answer.result_id}
            asked={answer.analysis ?? null}
            said={answer.answer}
          />
        </div>
      ),
    });
  if (query)
    items.push({
      value: "query",
      label: <TabLabel icon={<CodeXml aria-hidden />} text="Query" />,
      content: (
        <div className="pt-3">
          <QueryEditor
            query={query}
            dialect={answer.dialect ?? null}
            sources={answer.sources}
            onRun={answer.sources.length > 0 ? run : null}
          />
        </div>
      ),
    });

  return (
    <>
      {expired && (
        <Notice kind="info" className="mt-3">
          The rows of this answer were kept for a while and are gone now. Run the query again to see
          them.
        </Notice>
      )}
      <Tabs
        className="mt-4"
        label="The result"
        value={tab}
        onValueChange={setTab}
        items={items}
        extra={
          tabular && (
            <div className="flex items-center">
              <CopyButton
                iconOnly
                size="icon-small"
                label="Copy the table"
                text={() => tableToText(answer.columns, answer.rows)}
              />
              <ExportMenu answer={answer} />
              <KeepButton id={answer.id} kept={answer.kept} />
            </div>
          )
        }
      />
    </>
  );
}

function TabLabel({ icon, text }: { icon: ReactNode; text: string }) {
  return (
    <>
      {icon}
      {text}
    </>
  );
}

function ChartPane({ answer }: { answer: Answer }) {
  const [data, setData] = useState(false);
  if (!answer.chart) return null;
  return (
    <div className="pt-3">
      <ChartView
        chart={answer.chart}
        columns={answer.columns}
        rows={answer.rows}
        rowCount={answer.row_count}
        extra={
          <label className="flex cursor-pointer items-center gap-2 text-sm text-ink-soft">
            <input
              type="checkbox"
              className="size-4 accent-custard-strong"
              checked={data}
              onChange={(event) => setData(event.target.checked)}
            />
            Show data
          </label>
        }
      />
      {data && (
        <div className="mt-3">
          <ResultTable answer={answer} />
        </div>
      )}
    </div>
  );
}

/** Whether the stored rows are gone; the sentence and the query remain. */
function isExpired({ result_id, rows, row_count }: Answer): boolean {
  return !result_id && rows.length === 0 && row_count > 0;
}

function ResultTable({ answer }: { answer: Answer }) {
  const { rows, rest, loading, error, retry } = useResultRows(answer);
  return (
    <div>
      <DataTable
        label="Rows of the answer"
        columns={answer.columns}
        rows={rows}
        rowCount={answer.row_count}
        rest={rest}
      />
      <p className="mt-1.5 text-xs text-ink-faint" aria-live="polite">
        {rest || rows.length >= answer.row_count
          ? plural(answer.row_count, "row")
          : `The first ${groupDigits(String(rows.length))} of ${plural(answer.row_count, "row")}`}
        {loading && " · loading…"}
        {answer.truncated && " · cut at the server’s limit: narrow the question to see the rest"}
      </p>
      {error && (
        <Notice
          kind="error"
          className="mt-2"
          action={
            <Button size="small" onClick={retry}>
              Try again
            </Button>
          }
        >
          Some rows could not be read: {error.message}
        </Notice>
      )}
    </div>
  );
}
