// The conversations of this tab with their running questions; they go on while the person looks at other screens.
import { followAnswer, type AskRequest, type Drafted, type Stage } from "./ask";
import { api } from "./client";
import { isAbort, toApiError, type ApiError } from "./error";
import { queryClient } from "./queries";
import type { Answer } from "./types";

export interface Turn {
  key: number;
  question: string;
  request: AskRequest;
  stages: readonly Stage[];
  drafted: Drafted | null;
  rowsSoFar: number;
  answer: Answer | null;
  error: ApiError | null;
  cancelled: boolean;
}

export interface Thread {
  key: number;
  conversationId: string | null;
  /** Begun in this tab, so nothing earlier has to be read from the server. */
  whole: boolean;
  turns: readonly Turn[];
}

let nextKey = 1;
let list: readonly Thread[] = [];
let draftKey = 0;
let draftShown = false;
const controllers = new Map<number, AbortController>();
const listeners = new Set<() => void>();

function emit() {
  for (const listener of listeners) listener();
}

function change(key: number, update: (thread: Thread) => Thread) {
  list = list.map((thread) => (thread.key === key ? update(thread) : thread));
  emit();
}

function changeTurn(threadKey: number, turnKey: number, update: (turn: Turn) => Turn) {
  change(threadKey, (thread) => ({
    ...thread,
    turns: thread.turns.map((turn) => (turn.key === turnKey ? update(turn) : turn)),
  }));
}

function addThread(conversationId: string | null): Thread {
  const thread = { key: nextKey++, conversationId, whole: conversationId === null, turns: [] };
  list = [...list, thread];
  return thread;
}

function find(key: number): Thread | undefined {
  return list.find((thread) => thread.key === key);
}

export const threads = {
  subscribe(listener: () => void) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  /** The conversation with this id, or the one that has no id yet because nothing was asked. */
  open(conversationId: string | null): Thread {
    if (conversationId === null) return find(draftKey) ?? threads.fresh();
    return (
      list.find((thread) => thread.conversationId === conversationId) ?? addThread(conversationId)
    );
  },
  fresh(): Thread {
    const thread = addThread(null);
    draftKey = thread.key;
    return thread;
  },
  /** The new conversation got its id and its own address; the next new one starts empty. */
  settle(thread: Thread) {
    if (thread.key === draftKey && thread.conversationId) draftKey = 0;
  },
  showDraft(shown: boolean) {
    draftShown = shown;
  },
  running(thread: Thread): Turn | undefined {
    return thread.turns.find(isRunning);
  },
  ask(threadKey: number, question: string, request: AskRequest) {
    const thread = find(threadKey);
    if (!thread || threads.running(thread)) return;
    const turn: Turn = {
      key: nextKey++,
      question,
      request,
      stages: [],
      drafted: null,
      rowsSoFar: 0,
      answer: null,
      error: null,
      cancelled: false,
    };
    change(threadKey, (t) => ({ ...t, turns: [...t.turns, turn] }));
    void run(threadKey, turn);
  },
  cancel(threadKey: number, turnKey: number) {
    const turn = find(threadKey)?.turns.find((candidate) => candidate.key === turnKey);
    if (!turn || !isRunning(turn)) return;
    changeTurn(threadKey, turnKey, (t) => ({ ...t, cancelled: true }));
    controllers.get(turnKey)?.abort();
    const id = turn.stages[0]?.id;
    if (id)
      void api
        .POST("/api/v1/query/{id}/cancel", { params: { path: { id } } })
        .catch(() => undefined);
  },
  forget(conversationId: string) {
    list = list.filter((thread) => thread.conversationId !== conversationId);
    emit();
  },
  setKept(answerId: string, kept: boolean) {
    list = list.map((thread) => ({
      ...thread,
      turns: thread.turns.map((turn) =>
        turn.answer?.id === answerId ? { ...turn, answer: { ...turn.answer, kept } } : turn,
      ),
    }));
    emit();
  },
  clear() {
    for (const controller of controllers.values()) controller.abort();
    controllers.clear();
    list = [];
    draftKey = 0;
    emit();
  },
};

export function isRunning(turn: Turn): boolean {
  return !turn.answer && !turn.error && !turn.cancelled;
}

async function run(threadKey: number, turn: Turn) {
  const controller = new AbortController();
  controllers.set(turn.key, controller);
  const update = (part: Partial<Turn>) =>
    changeTurn(threadKey, turn.key, (t) => (t.cancelled ? t : { ...t, ...part }));
  try {
    const answer = await followAnswer(
      turn.request,
      {
        stage: (stage) => {
          adopt(threadKey, stage.conversation_id);
          changeTurn(threadKey, turn.key, (t) => ({ ...t, stages: [...t.stages, stage] }));
        },
        query: (drafted) => update({ drafted }),
        columns: () => update({ rowsSoFar: 0 }),
        rows: (rows) =>
          changeTurn(threadKey, turn.key, (t) => ({ ...t, rowsSoFar: t.rowsSoFar + rows.length })),
      },
      controller.signal,
    );
    adopt(threadKey, answer.conversation_id);
    update({ answer });
  } catch (cause) {
    if (isAbort(cause)) changeTurn(threadKey, turn.key, (t) => ({ ...t, cancelled: true }));
    else update({ error: toApiError(cause) });
  } finally {
    controllers.delete(turn.key);
    void queryClient.invalidateQueries({ queryKey: ["queries"] });
    void queryClient.invalidateQueries({ queryKey: ["conversations"], exact: true });
  }
}

function adopt(threadKey: number, conversationId: string | null) {
  const thread = find(threadKey);
  if (!thread || thread.conversationId || !conversationId) return;
  change(threadKey, (t) => ({ ...t, conversationId }));
  if (!draftShown && threadKey === draftKey) draftKey = 0;
  void queryClient.invalidateQueries({ queryKey: ["conversations"], exact: true });
}
