// A list of past questions with their outcome; each leads to its conversation.
import type { UseQueryResult } from "@tanstack/react-query";
import { CircleCheck, CircleHelp, CircleSlash, CloudAlert } from "lucide-react";
import type { ReactNode } from "react";
import { Link } from "react-router";
import type { Outcome, QuerySummary } from "@/api/types";
import { LoadError } from "@/components/ui/notice";
import { SkeletonRows } from "@/components/ui/skeleton";
import { timeAgo } from "@/lib/format";
import { translators } from "@/lib/translators";

interface AnswerListProps {
  query: UseQueryResult<QuerySummary[]>;
  empty?: ReactNode;
}

const outcomes: Record<Outcome, { icon: typeof CircleCheck; label: string; tone: string }> = {
  answered: { icon: CircleCheck, label: "Answered", tone: "text-good" },
  clarify: { icon: CircleHelp, label: "Asked back", tone: "text-berry" },
  refused: { icon: CircleSlash, label: "Not answered", tone: "text-warn" },
  failed: { icon: CloudAlert, label: "Failed", tone: "text-bad" },
};

export function AnswerList({ query, empty }: AnswerListProps) {
  if (query.isPending)
    return (
      <div className="px-5 pb-5">
        <SkeletonRows count={4} />
      </div>
    );
  if (query.isError)
    return (
      <div className="px-5 pb-5">
        <LoadError error={query.error} retry={() => void query.refetch()} />
      </div>
    );
  if (query.data.length === 0) return empty;
  return (
    <ul className="pb-2">
      {query.data.map((item) => {
        const { icon: Icon, label, tone } = outcomes[item.outcome];
        const writer = translators[item.translator];
        return (
          <li key={item.id}>
            <Link
              to={`/ask/${item.conversation_id}`}
              className="flex items-start gap-3 px-5 py-2.5 transition-colors hover:bg-sunken/70"
            >
              <Icon className={`mt-0.5 size-4.5 shrink-0 ${tone}`} aria-hidden />
              <span className="min-w-0 flex-1">
                <span className="block truncate font-semibold" title={item.question}>
                  {item.question}
                </span>
                <span className="block truncate text-sm text-ink-soft">
                  <span className="sr-only">{label}. </span>
                  {item.answer || label}
                </span>
              </span>
              <span className="flex shrink-0 flex-col items-end gap-1 pt-0.5 text-xs text-ink-faint">
                {timeAgo(item.created_at)}
                <span className="flex items-center gap-1" title={`${writer.label} wrote the query`}>
                  <writer.icon className="size-3.5" aria-hidden />
                  {writer.short}
                </span>
              </span>
            </Link>
          </li>
        );
      })}
    </ul>
  );
}
