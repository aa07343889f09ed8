// The counts of a run by suite and category, beside those of the run it is compared with.
import type { RunCategory } from "@/api/evaluations";
import { Card, CardHead } from "@/components/ui/card";
import { rightWords } from "@/lib/evaluations";
import { VerdictBar } from "./verdicts";

export function Categories({ categories }: { categories: readonly RunCategory[] }) {
  // One category says what the whole run says.
  if (categories.length < 2) return null;
  return (
    <Card aria-labelledby="categories">
      <CardHead id="categories" title="By category" />
      <ul className="divide-y divide-line border-t border-line">
        {categories.map((item) => (
          <li
            key={`${item.suite}\n${item.category}`}
            className="grid items-center gap-x-6 gap-y-1.5 px-5 py-2.5 sm:grid-cols-[minmax(0,1fr)_12rem_12rem]"
          >
            <span className="min-w-0 font-medium break-words">{nameOf(item)}</span>
            <span className="text-sm tabular-nums">
              {rightWords(item.counts)}
              {item.before && (
                <span className="block text-ink-soft">before: {rightWords(item.before)}</span>
              )}
            </span>
            <VerdictBar counts={item.counts} total={item.total} />
          </li>
        ))}
      </ul>
    </Card>
  );
}

const nameOf = ({ suite, category }: RunCategory) =>
  [suite, category].filter(Boolean).join(" · ") || "Without a category";
