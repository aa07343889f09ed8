// Ask: a conversation of questions and answers, and the box to ask the next one.
import { useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { useLocation, useNavigate, useParams, useSearchParams } from "react-router";
import { conversationQuery } from "@/api/queries";
import { threads, type Turn } from "@/api/threads";
import type { Answer } from "@/api/types";
import { AnswerCard } from "@/components/answer/answer-card";
import { PendingTurn } from "@/components/answer/pending-turn";
import { AskStart } from "@/components/ask-start";
import { Composer, type ComposerHandle } from "@/components/composer";
import { ConversationHead } from "@/components/conversation-head";
import { fileIds, sourceBody, type SourceChoice } from "@/components/source-picker";
import { LoadError } from "@/components/ui/notice";
import { Skeleton } from "@/components/ui/skeleton";
import { cn } from "@/lib/cn";
import { useTitle } from "@/lib/use-title";

interface Entry {
  key: string;
  question: string;
  answer: Answer | null;
  turn: Turn | null;
}

export default function Ask() {
  const { conversationId = null } = useParams();
  const [search] = useSearchParams();
  const location = useLocation();
  const navigate = useNavigate();
  const thread = useSyncExternalStore(threads.subscribe, () => threads.open(conversationId));
  const stored = useQuery({
    ...conversationQuery(conversationId ?? ""),
    enabled: conversationId !== null && !thread.whole,
  });
  const [sources, setSources] = useState<SourceChoice>(() => choiceFrom(search));
  const composer = useRef<ComposerHandle>(null);
  const last = useRef<HTMLLIElement>(null);

  const entries = useMemo(
    () => merge(stored.data?.queries ?? [], thread.turns),
    [stored.data, thread.turns],
  );
  const loading = conversationId !== null && !thread.whole && stored.isPending;
  const empty = entries.length === 0 && !loading && !stored.isError;
  const running = threads.running(thread);
  const title = stored.data?.title ?? entries[0]?.question;
  useTitle(title && title.length < 80 ? title : "Ask");

  const ask = useCallback(
    (question: string, target: SourceChoice = sources) => {
      threads.ask(thread.key, question, {
        path: "/api/v1/query",
        body: {
          question,
          ...sourceBody(target),
          ...(thread.conversationId ? { conversation_id: thread.conversationId } : {}),
        },
      });
    },
    [thread.key, thread.conversationId, sources],
  );

  function runQuery(answer: Answer, query: string) {
    const connection = answer.sources.find((source) => source.kind === "connection");
    threads.ask(thread.key, answer.question, {
      path: "/api/v1/query/run",
      body: {
        query,
        question: answer.question,
        ...(connection ? { connection_id: connection.id } : { file_ids: fileIds(answer.sources) }),
        ...(thread.conversationId ? { conversation_id: thread.conversationId } : {}),
      },
    });
  }

  // While nothing was asked the address is /ask; the first answer gives the conversation its own.
  useEffect(() => {
    threads.showDraft(conversationId === null);
    return () => threads.showDraft(false);
  }, [conversationId]);
  useEffect(() => {
    if (conversationId === null && thread.conversationId)
      void navigate(`/ask/${thread.conversationId}`, { replace: true });
    else if (conversationId !== null) threads.settle(thread);
  }, [conversationId, thread, navigate]);

  // A question handed over by another screen is asked once.
  const handed = (location.state as { ask?: string } | null)?.ask;
  useEffect(() => {
    if (!handed) return;
    void navigate(location.pathname + location.search, { replace: true, state: null });
    ask(handed);
  }, [handed, ask, navigate, location.pathname, location.search]);

  useEffect(() => {
    if (!running) return;
    const stop = (event: KeyboardEvent) => {
      if (event.key === "Escape" && !event.defaultPrevented)
        threads.cancel(thread.key, running.key);
    };
    window.addEventListener("keydown", stop);
    return () => window.removeEventListener("keydown", stop);
  }, [running, thread.key]);

  // A further question comes to the top, and its answer grows below it without moving what is read.
  const newest = entries.length > 1 ? entries.at(-1)?.key : undefined;
  useEffect(() => {
    if (!newest) return;
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    last.current?.scrollIntoView({ block: "start", behavior: still ? "auto" : "smooth" });
  }, [newest]);

  useEffect(() => {
    if (window.matchMedia("(pointer: fine)").matches) composer.current?.focus();
  }, [conversationId, empty]);

  const box = (
    <Composer
      handle={composer}
      placeholder={entries.length ? "Ask a follow-up…" : "Ask a question about your data…"}
      sources={sources}
      onSources={setSources}
      onAsk={ask}
      busy={running !== undefined}
    />
  );

  return (
    <div className="mx-auto flex min-h-[calc(100dvh-3.5rem)] max-w-4xl flex-col px-4 sm:px-8 lg:min-h-dvh">
      {!empty && <ConversationHead id={conversationId} title={title ?? "Conversation"} />}
      <div className="flex-1 pt-2">
        {loading && <ThreadSkeleton />}
        {stored.isError && <LoadError error={stored.error} retry={() => void stored.refetch()} />}
        {empty && (
          <AskStart sources={sources} ask={ask}>
            {box}
          </AskStart>
        )}
        <ol className="space-y-8">
          {entries.map((entry, index) => (
            <li
              key={entry.key}
              ref={index === entries.length - 1 ? last : undefined}
              className={cn(
                "animate-rise scroll-mt-18 lg:scroll-mt-5",
                index === entries.length - 1 && entries.length > 1 && "min-h-[calc(100dvh-13rem)]",
              )}
            >
              <Question text={entry.question} edited={isEdited(entry)} />
              {entry.answer ? (
                <AnswerCard
                  answer={entry.answer}
                  newest={index === entries.length - 1}
                  ask={ask}
                  run={
                    running
                      ? null
                      : (query) => {
                          if (entry.answer) runQuery(entry.answer, query);
                        }
                  }
                />
              ) : entry.turn ? (
                <PendingTurn
                  turn={entry.turn}
                  cancel={() => entry.turn && threads.cancel(thread.key, entry.turn.key)}
                  again={
                    running
                      ? null
                      : () => {
                          if (entry.turn)
                            threads.ask(thread.key, entry.question, entry.turn.request);
                        }
                  }
                />
              ) : null}
            </li>
          ))}
        </ol>
      </div>
      {!empty && (
        <div className="sticky bottom-0 z-20 bg-gradient-to-t from-canvas from-75% to-transparent pt-4 pb-4">
          {box}
        </div>
      )}
    </div>
  );
}

function choiceFrom(search: URLSearchParams): SourceChoice {
  const connection = search.get("connection");
  if (connection) return { kind: "connection", id: connection };
  const files = search.getAll("file");
  return files.length ? { kind: "files", ids: files } : { kind: "auto" };
}

/** What the server has stored, then what this tab has asked since; nothing twice. */
function merge(stored: readonly Answer[], turns: readonly Turn[]): Entry[] {
  const known = new Set(turns.map((turn) => turn.answer?.id ?? turn.stages[0]?.id));
  return [
    ...stored
      .filter((answer) => !known.has(answer.id))
      .map((answer) => ({ key: answer.id, question: answer.question, answer, turn: null })),
    ...turns.map((turn) => ({
      key: `turn-${turn.key}`,
      question: turn.question,
      answer: turn.answer,
      turn,
    })),
  ];
}

function isEdited({ answer, turn }: Entry): boolean {
  return answer?.translator === "user" || turn?.request.path === "/api/v1/query/run";
}

function Question({ text, edited }: { text: string; edited: boolean }) {
  return (
    <div className="mb-3 flex justify-end">
      <h2 className="max-w-[85%] rounded-2xl rounded-br-md bg-custard-soft px-4 py-2.5 font-sans text-base font-semibold tracking-normal break-words whitespace-pre-wrap">
        {text}
        {edited && (
          <span className="block text-xs font-normal text-ink-soft">with an edited query</span>
        )}
      </h2>
    </div>
  );
}

function ThreadSkeleton() {
  return (
    <div role="status" aria-label="Loading" className="space-y-3">
      <Skeleton className="ml-auto h-11 w-3/5" />
      <Skeleton className="h-96" />
    </div>
  );
}
