// What questions cost: tokens and money by day, model and person, and the limits on them.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { ChartColumn } from "lucide-react";
import { useState } from "react";
import { settingsQuery } from "@/api/queries";
import { usageQuery, type UsageReport } from "@/api/usage";
import { ChartView } from "@/components/chart-view";
import { Part } from "@/components/settings/part";
import { Card, CardHead } from "@/components/ui/card";
import { Select } from "@/components/ui/field";
import { Empty, LoadError } from "@/components/ui/notice";
import { Skeleton } from "@/components/ui/skeleton";
import { LimitsCard } from "@/components/usage/limits";
import { Sums, type Line } from "@/components/usage/sums";
import { formatMoney, groupDigits, plural } from "@/lib/format";
import { useAtLeast } from "@/lib/rights";

const RANGES = [7, 30, 90, 365] as const;

export default function UsageSettings() {
  const [days, setDays] = useState<number>(30);
  const usage = useQuery({ ...usageQuery(days), placeholderData: keepPreviousData });
  const settings = useQuery(settingsQuery);
  const seesAll = useAtLeast("admin");
  return (
    <Part title="Usage">
      {usage.isPending ? (
        <>
          <Skeleton className="h-72" />
          <Skeleton className="h-44" />
        </>
      ) : usage.isError ? (
        <LoadError error={usage.error} retry={() => void usage.refetch()} />
      ) : (
        <>
          <Card aria-labelledby="usage" aria-busy={usage.isPlaceholderData}>
            <CardHead
              id="usage"
              title="Questions and tokens"
              note={
                seesAll
                  ? "Of everybody in your organisation. Days are UTC."
                  : "Of your own questions. Days are UTC."
              }
              action={
                <Select
                  aria-label="How far back"
                  className="w-auto"
                  value={days}
                  onChange={(event) => setDays(Number(event.target.value))}
                >
                  {RANGES.map((range) => (
                    <option key={range} value={range}>
                      The last {range} days
                    </option>
                  ))}
                </Select>
              }
            />
            <Overview report={usage.data} />
          </Card>
          <Breakdown report={usage.data} people={seesAll} />
          {settings.data && <LimitsCard report={usage.data} settings={settings.data} />}
        </>
      )}
    </Part>
  );
}

function Overview({ report }: { report: UsageReport }) {
  const { total, today, currency } = report;
  if (total.questions === 0 && total.calls === 0)
    return (
      <Empty icon={ChartColumn} title="Nothing was asked" className="border-t border-line">
        Questions appear here, with the tokens and the money that a language model took for them.
      </Empty>
    );
  const tokens = total.input_tokens + total.output_tokens;
  return (
    <>
      <dl className="grid grid-cols-2 gap-px border-y border-line bg-line sm:grid-cols-4">
        <Figure name="Questions" value={groupDigits(String(total.questions))} />
        <Figure name="Calls to the model" value={groupDigits(String(total.calls))} />
        <Figure
          name="Tokens"
          value={groupDigits(String(tokens))}
          note={`${groupDigits(String(today.input_tokens + today.output_tokens))} today`}
        />
        <Figure
          name="Cost"
          value={typeof total.cost === "number" ? formatMoney(total.cost, currency) : "not known"}
          note={
            typeof today.cost === "number"
              ? `${formatMoney(today.cost, currency)} today`
              : "The model has no price set."
          }
        />
      </dl>
      <div className="px-5 pt-4 pb-5">
        <DayChart report={report} tokens={tokens > 0} />
      </div>
    </>
  );
}

function Figure({ name, value, note }: { name: string; value: string; note?: string }) {
  return (
    <div className="bg-surface px-5 py-3">
      <dt className="text-sm text-ink-soft">{name}</dt>
      <dd className="text-xl font-semibold break-words tabular-nums">{value}</dd>
      {note && <dd className="text-sm text-ink-faint">{note}</dd>}
    </div>
  );
}

/** Tokens by day where there are any, else questions. */
function DayChart({ report, tokens }: { report: UsageReport; tokens: boolean }) {
  const columns = [
    { name: "day", type: "date" },
    ...(tokens
      ? [
          { name: "tokens read", type: "integer" },
          { name: "tokens written", type: "integer" },
        ]
      : [{ name: "questions", type: "integer" }]),
  ];
  const rows = report.days.map(({ day, questions, input_tokens, output_tokens }) =>
    tokens ? [day, input_tokens, output_tokens] : [day, questions],
  );
  return (
    <ChartView
      chart={{
        kind: "bar",
        x: "day",
        y: columns.slice(1).map(({ name }) => name),
        series: null,
        stacked: tokens,
      }}
      columns={columns}
      rows={rows}
      rowCount={rows.length}
    />
  );
}

function Breakdown({ report, people }: { report: UsageReport; people: boolean }) {
  const models: Line[] = report.models.map(({ model, ...sum }) => ({
    key: model ?? "",
    name: model ?? "Without a model",
    note: model ? undefined : "Built-in, or an answer that was known already",
    sum,
  }));
  const persons: Line[] = report.people.map(({ user_id, name, ...sum }) => ({
    key: user_id,
    name: name ?? "Somebody who left",
    note: undefined,
    sum,
  }));
  return (
    <>
      {models.length > 0 && (
        <Sums id="by-model" title="By model" of="Model" lines={models} currency={report.currency} />
      )}
      {people && persons.length > 0 && (
        <Sums
          id="by-person"
          title="By person"
          note={plural(persons.length, "person", "people")}
          of="Person"
          lines={persons}
          currency={report.currency}
        />
      )}
    </>
  );
}
