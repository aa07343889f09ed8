// The audit log: who did what to what, when, from where.
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { ChevronDown, Download, ScrollText } from "lucide-react";
import { useEffect, useState } from "react";
import { useSearchParams } from "react-router";
import { download } from "@/api/client";
import { auditParams, auditQuery, type AuditFilter } from "@/api/operations";
import { AuditLine } from "@/components/audit/entry";
import { AuditFilters, type AuditChoice } from "@/components/audit/filters";
import { Only } from "@/components/only";
import { Part } from "@/components/settings/part";
import { Button } from "@/components/ui/button";
import { Card, CardHead } from "@/components/ui/card";
import { Menu, MenuItem } from "@/components/ui/menu";
import { Empty, LoadError } from "@/components/ui/notice";
import { SkeletonRows } from "@/components/ui/skeleton";
import { toast } from "@/components/ui/toast";
import { dayRange } from "@/lib/audit";
import { useSettled } from "@/lib/use-settled";

const NAMES = ["actor", "action", "target", "from", "to"] as const;
const NOTHING: AuditChoice = { actor: "", action: "", target: "", from: "", to: "" };

export default function AuditSettings() {
  return (
    <Part title="Audit" wide>
      <Only least="admin">
        <Audit />
      </Only>
    </Part>
  );
}

function Audit() {
  const [search, setSearch] = useSearchParams();
  const [choice, setChoice] = useState(() => choiceFrom(search));
  const sought = useSettled(choice);
  const filter = filterOf(sought);
  const audit = useInfiniteQuery({ ...auditQuery(filter), placeholderData: keepPreviousData });
  const entries = audit.data?.pages.flatMap((page) => page.items) ?? [];
  const filtered = NAMES.some((name) => choice[name]);
  const clear = () => setChoice(NOTHING);
  const [saving, setSaving] = useState(false);

  // The address keeps the choice, so that it can be handed over.
  useEffect(() => {
    setSearch(auditParams(sought), { replace: true });
  }, [sought, setSearch]);

  async function save(format: "csv" | "ndjson") {
    setSaving(true);
    const params = auditParams(filter);
    params.set("format", format);
    try {
      await download(`/api/v1/audit/export?${params.toString()}`, `audit.${format}`);
    } catch (cause) {
      toast.error(cause);
    } finally {
      setSaving(false);
    }
  }

  return (
    <Card aria-labelledby="audit">
      <CardHead
        id="audit"
        title="Audit log"
        note="What was done here, by whom and from where. It can be read, never changed."
        action={
          <Menu
            trigger={
              <Button busy={saving}>
                <Download aria-hidden />
                Export
                <ChevronDown aria-hidden />
              </Button>
            }
          >
            <MenuItem onSelect={() => void save("csv")}>CSV, for spreadsheets</MenuItem>
            <MenuItem onSelect={() => void save("ndjson")}>NDJSON, for programs</MenuItem>
          </Menu>
        }
      />
      <AuditFilters
        choice={choice}
        onChange={(part) => setChoice((now) => ({ ...now, ...part }))}
        onClear={clear}
      />
      {audit.isPending ? (
        <div className="px-5 pb-5">
          <SkeletonRows count={6} className="h-9" />
        </div>
      ) : audit.isError ? (
        <div className="px-5 pb-5">
          <LoadError error={audit.error} retry={() => void audit.refetch()} />
        </div>
      ) : entries.length === 0 ? (
        <Empty
          icon={ScrollText}
          title={filtered ? "Nothing fits these filters" : "Nothing was recorded yet"}
          className="border-t border-line"
          action={filtered && <Button onClick={clear}>Clear the filters</Button>}
        >
          {filtered
            ? "Choose a longer time, or fewer words."
            : "Log-ins, questions and changes appear here as they happen."}
        </Empty>
      ) : (
        <>
          <ul
            aria-label="Entries"
            aria-busy={audit.isPlaceholderData}
            className="divide-y divide-line border-t border-line"
          >
            {entries.map((entry) => (
              <AuditLine key={entry.id} entry={entry} />
            ))}
          </ul>
          {audit.hasNextPage && (
            <div className="border-t border-line p-3 text-center">
              <Button busy={audit.isFetchingNextPage} onClick={() => void audit.fetchNextPage()}>
                Show older ones
              </Button>
            </div>
          )}
        </>
      )}
    </Card>
  );
}

function choiceFrom(search: URLSearchParams): AuditChoice {
  const choice = { ...NOTHING };
  for (const name of NAMES) choice[name] = search.get(name) ?? "";
  return choice;
}

function filterOf({ actor, action, target, from, to }: AuditChoice): AuditFilter {
  return {
    actor: actor.trim(),
    action: action.trim(),
    target: target.trim(),
    ...dayRange(from, to),
  };
}
