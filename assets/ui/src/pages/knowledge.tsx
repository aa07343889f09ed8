// What the organization has taught the product, and what waits to be approved.
import { useQuery } from "@tanstack/react-query";
import { BookMarked, Plus, SearchX } from "lucide-react";
import { useState } from "react";
import { useSearchParams } from "react-router";
import { examplesQuery, glossaryQuery, type Entry, type Example } from "@/api/teaching";
import { EntryForm } from "@/components/knowledge/entry-form";
import { ExampleForm } from "@/components/knowledge/example-form";
import { Exchange } from "@/components/knowledge/exchange";
import { EntryItem, ExampleItem } from "@/components/knowledge/items";
import { Page } from "@/components/page";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Input } from "@/components/ui/field";
import { Empty, LoadError } from "@/components/ui/notice";
import { SkeletonRows } from "@/components/ui/skeleton";
import { Tabs } from "@/components/ui/tabs";
import {
  findEntries,
  findExamples,
  kindsOf,
  partOf,
  parts,
  partWords,
  type Part,
} from "@/lib/knowledge";
import { useAtLeast } from "@/lib/rights";

export default function Knowledge() {
  const [params, setParams] = useSearchParams();
  const part = partOf(params.get("part"));
  const entries = useQuery(glossaryQuery);
  const examples = useQuery(examplesQuery);
  const [wanted, setWanted] = useState("");
  const failed = entries.isError ? entries : examples.isError ? examples : null;
  const all = { entries: entries.data ?? [], examples: examples.data ?? [] };

  return (
    <Page
      title="Knowledge"
      note="What your words mean, taught once and used in every question."
      action={<Exchange />}
    >
      {failed?.error ? (
        <LoadError error={failed.error} retry={() => void failed.refetch()} />
      ) : entries.isPending || examples.isPending ? (
        <SkeletonRows count={4} />
      ) : (
        <Tabs
          label="Kinds of knowledge"
          value={part}
          onValueChange={(next) => setParams({ part: next }, { replace: true })}
          extra={
            <Input
              type="search"
              aria-label="Search"
              placeholder="Search"
              value={wanted}
              onChange={(event) => setWanted(event.target.value)}
              className="mb-2 sm:mb-0 sm:w-56"
            />
          }
          items={parts.map((value) => ({
            value,
            label: <PartLabel part={value} {...shownIn(value, all)} />,
            content: <PartPane part={value} wanted={wanted} {...shownIn(value, all)} />,
          }))}
        />
      )}
    </Page>
  );
}

interface Shown {
  entries: readonly Entry[];
  examples: readonly Example[];
}

/** What a part is made of. */
function shownIn(part: Part, { entries, examples }: Shown): Shown {
  if (part === "suggestions")
    return {
      entries: entries.filter(({ status }) => status === "suggested"),
      examples: examples.filter(({ status }) => status === "suggested"),
    };
  if (part === "examples")
    return { entries: [], examples: examples.filter(({ status }) => status === "active") };
  const kinds = kindsOf[part];
  return {
    entries: entries.filter(({ kind, status }) => status === "active" && kinds.includes(kind)),
    examples: [],
  };
}

function PartLabel({ part, entries, examples }: Shown & { part: Part }) {
  const count = entries.length + examples.length;
  return (
    <>
      {partWords[part].title}
      {count > 0 && <Badge tone={part === "suggestions" ? "berry" : "plain"}>{count}</Badge>}
    </>
  );
}

function PartPane({ part, entries, examples, wanted }: Shown & { part: Part; wanted: string }) {
  const mayTeach = useAtLeast("analyst");
  const [adding, setAdding] = useState(false);
  const found = { entries: findEntries(entries, wanted), examples: findExamples(examples, wanted) };
  const count = entries.length + examples.length;
  const words = partWords[part];
  const add = mayTeach && words.add && (
    <Button variant="primary" onClick={() => setAdding(true)}>
      <Plus aria-hidden />
      {words.add}
    </Button>
  );
  return (
    <div className="pt-4">
      {count === 0 ? (
        <Card>
          <Empty
            icon={BookMarked}
            title={part === "suggestions" ? "Nothing to approve" : `No ${part} yet`}
            action={add}
          >
            {words.about}
          </Empty>
        </Card>
      ) : (
        <>
          <div className="mb-4 flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
            <p className="max-w-2xl text-sm text-ink-soft">{words.about}</p>
            {add}
          </div>
          <Card>
            {found.entries.length + found.examples.length === 0 ? (
              <Empty icon={SearchX} title="Nothing found">
                Nothing here holds “{wanted}”.
              </Empty>
            ) : (
              <ul className="divide-y divide-line">
                {found.entries.map((entry) => (
                  <EntryItem key={entry.id} entry={entry} />
                ))}
                {found.examples.map((example) => (
                  <ExampleItem key={example.id} example={example} />
                ))}
              </ul>
            )}
          </Card>
        </>
      )}
      {part === "examples" ? (
        <ExampleForm example={null} open={adding} onOpenChange={setAdding} />
      ) : (
        part !== "suggestions" && (
          <EntryForm of={kindsOf[part]} open={adding} onOpenChange={setAdding} />
        )
      )}
    </div>
  );
}
