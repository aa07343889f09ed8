// The first steps as a short list that ticks itself off and leaves when all is done.
import { useQuery } from "@tanstack/react-query";
import { ArrowRight, Check } from "lucide-react";
import type { ReactNode } from "react";
import { answersQuery, connectionsQuery, filesQuery, samplesQuery } from "@/api/queries";
import { AddSamples } from "@/components/add-samples";
import { ButtonLink } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { cn } from "@/lib/cn";
import { useAtLeast } from "@/lib/rights";

export function NextSteps() {
  const files = useQuery(filesQuery).data;
  const connections = useQuery(connectionsQuery).data;
  const answers = useQuery(answersQuery(null, 8)).data;
  const samples = useQuery(samplesQuery).data;
  const mayAdd = useAtLeast("analyst");
  const mayConnect = useAtLeast("admin");
  if (!files || !connections || !answers) return null;

  const hasData = files.length + connections.length > 0;
  const hasAsked = answers.length > 0;
  const hasConnection = connections.length > 0;
  if (hasData && hasAsked && (hasConnection || !mayConnect)) return null;

  return (
    <Card aria-labelledby="next" className="mb-5 animate-fade">
      <h2 id="next" className="px-5 pt-4 text-[1.0625rem]">
        What to do next
      </h2>
      <ol className="grid gap-1 p-3 md:grid-cols-3">
        <Step
          done={hasData}
          number={1}
          title="Add data"
          text={
            mayAdd
              ? "Sample data of a frozen-custard chain, or a file of your own."
              : "Ask an analyst, admin or owner to add a file, or to open a source to you."
          }
          action={
            mayAdd && (
              <>
                {samples && !samples.added && <AddSamples variant="primary" />}
                <ButtonLink to="/files">Upload</ButtonLink>
              </>
            )
          }
        />
        <Step
          done={hasAsked}
          number={2}
          title="Ask a question"
          text="In your own words. You see how it was read and the query behind it."
          action={
            hasData && (
              <ButtonLink to="/ask" variant="primary">
                Ask <ArrowRight aria-hidden />
              </ButtonLink>
            )
          }
        />
        {mayConnect && (
          <Step
            done={hasConnection}
            number={3}
            title="Connect a database"
            text="An agent beside it dials out to this server. Its password stays where it is."
            action={
              <ButtonLink to="/connections" variant={hasAsked ? "primary" : "secondary"}>
                Connect
              </ButtonLink>
            }
          />
        )}
      </ol>
    </Card>
  );
}

interface StepProps {
  done: boolean;
  number: number;
  title: string;
  text: string;
  action: ReactNode;
}

function Step({ done, number, title, text, action }: StepProps) {
  return (
    <li className="flex gap-3 rounded-xl p-3">
      <span
        className={cn(
          "grid size-7 shrink-0 place-items-center rounded-full text-sm font-bold",
          done ? "bg-good-soft text-good" : "bg-custard-soft",
        )}
      >
        {done ? <Check className="size-4" aria-label="Done" /> : number}
      </span>
      <div className="min-w-0">
        <h3 className={cn("pt-0.5 text-[0.9375rem]", done && "text-ink-soft")}>{title}</h3>
        <p className="mt-0.5 text-sm text-ink-soft">{text}</p>
        {!done && action && <div className="mt-3 flex flex-wrap gap-2">{action}</div>}
      </div>
    </li>
  );
}
