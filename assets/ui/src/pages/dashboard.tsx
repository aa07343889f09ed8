// Dashboard: what to do next, the sources with their live state, kept and recent answers.
import { useQuery } from "@tanstack/react-query";
import { MessageCircleQuestion, Star } from "lucide-react";
import { useState, type FormEvent } from "react";
import { useNavigate } from "react-router";
import { answersQuery } from "@/api/queries";
import { AnswerList } from "@/components/dashboard/answer-list";
import { NextSteps } from "@/components/dashboard/next-steps";
import { SourceList } from "@/components/dashboard/source-list";
import { Page } from "@/components/page";
import { Button, ButtonLink } from "@/components/ui/button";
import { Card, CardHead } from "@/components/ui/card";
import { controlStyle } from "@/components/ui/field";
import { Empty } from "@/components/ui/notice";
import { cn } from "@/lib/cn";
import { useUser } from "@/lib/use-session";

export function Dashboard() {
  const user = useUser();
  const recent = useQuery(answersQuery(null, 8));
  const kept = useQuery(answersQuery(true, 8));
  const first = user.name.trim().split(/\s+/)[0];

  return (
    <Page
      title="Dashboard"
      heading={first ? `Hello, ${first}` : "Hello"}
      note={user.organization.name}
    >
      <QuickAsk />
      <NextSteps />
      <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-5 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
        <div className="space-y-5">
          {(kept.data?.length ?? 0) > 0 && (
            <Card aria-labelledby="kept">
              <CardHead
                id="kept"
                title={
                  <span className="flex items-center gap-2">
                    <Star className="size-4 fill-custard-strong text-custard-strong" aria-hidden />
                    Kept answers
                  </span>
                }
              />
              <AnswerList query={kept} />
            </Card>
          )}
          <Card aria-labelledby="recent">
            <CardHead id="recent" title="Recent answers" />
            <AnswerList
              query={recent}
              empty={
                <Empty
                  icon={MessageCircleQuestion}
                  title="No questions yet"
                  className="pt-4"
                  action={<ButtonLink to="/ask">Ask a question</ButtonLink>}
                >
                  Your latest questions and answers appear here, so you can come back to them.
                </Empty>
              }
            />
          </Card>
        </div>
        <SourceList />
      </div>
    </Page>
  );
}

function QuickAsk() {
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const send = (event: FormEvent) => {
    event.preventDefault();
    const ask = text.trim();
    if (ask) void navigate("/ask", { state: { ask } });
  };
  return (
    <form onSubmit={send} className="mb-5 flex gap-2">
      <input
        value={text}
        onChange={(event) => setText(event.target.value)}
        aria-label="Ask a question"
        placeholder="Ask a question about your data…"
        maxLength={4000}
        className={cn(controlStyle, "h-12 rounded-xl px-4 text-base shadow-card")}
      />
      <Button
        type="submit"
        variant="primary"
        className="h-12 rounded-xl px-5"
        disabled={!text.trim()}
      >
        Ask
      </Button>
    </form>
  );
}
