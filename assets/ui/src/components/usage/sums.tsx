// What was used, a line for each model or person.
import type { Sum } from "@/api/usage";
import { Card, CardHead } from "@/components/ui/card";
import { formatMoney, groupDigits } from "@/lib/format";

export interface Line {
  key: string;
  name: string;
  note?: string;
  sum: Sum;
}

interface SumsProps {
  id: string;
  title: string;
  note?: string;
  /** What the lines are. */
  of: string;
  lines: readonly Line[];
  currency: string;
}

const HEADS = ["Questions", "Calls", "Tokens read", "Tokens written", "Cost"] as const;

export function Sums({ id, title, note, of, lines, currency }: SumsProps) {
  return (
    <Card aria-labelledby={id}>
      <CardHead id={id} title={title} note={note} />
      {/* Scrolled by keyboard, so it has to take the focus. */}
      <div
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        role="region"
        aria-labelledby={id}
        className="overflow-x-auto rounded-b-2xl border-t border-line outline-offset-[-2px]"
      >
        <table className="w-full text-sm tabular-nums">
          <thead>
            <tr className="border-b border-line text-left text-ink-soft">
              <th scope="col" className="py-2 pr-3 pl-5 font-semibold">
                {of}
              </th>
              {HEADS.map((head) => (
                <th
                  key={head}
                  scope="col"
                  className="px-3 py-2 text-right font-semibold whitespace-nowrap last:pr-5"
                >
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody className="divide-y divide-line">
            {lines.map(({ key, name, note: about, sum }) => (
              <tr key={key}>
                <th scope="row" className="min-w-40 py-2.5 pr-3 pl-5 text-left font-medium">
                  <span className="wrap-anywhere">{name}</span>
                  {about && <span className="block font-normal text-ink-faint">{about}</span>}
                </th>
                {[sum.questions, sum.calls, sum.input_tokens, sum.output_tokens].map(
                  (value, index) => (
                    <td key={HEADS[index]} className="px-3 py-2.5 text-right">
                      {groupDigits(String(value))}
                    </td>
                  ),
                )}
                <td className="py-2.5 pr-5 pl-3 text-right whitespace-nowrap">
                  {typeof sum.cost === "number" ? formatMoney(sum.cost, currency) : "not known"}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}
