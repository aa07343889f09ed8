// Short messages at the edge of the screen, read out politely; they leave by themselves.
import { CircleAlert, CircleCheck, X } from "lucide-react";
import { useSyncExternalStore } from "react";
import { Button } from "./button";

interface Toast {
  key: number;
  kind: "done" | "error";
  text: string;
}

const SHOWN_MS = { done: 3500, error: 8000 };

let toasts: readonly Toast[] = [];
let nextKey = 1;
const listeners = new Set<() => void>();

function set(next: readonly Toast[]) {
  toasts = next;
  for (const listener of listeners) listener();
}

function dismiss(key: number) {
  set(toasts.filter((toast) => toast.key !== key));
}

function show(kind: Toast["kind"], text: string) {
  const key = nextKey++;
  set([...toasts.filter((toast) => toast.text !== text), { key, kind, text }].slice(-3));
  setTimeout(() => dismiss(key), SHOWN_MS[kind]);
}

export const toast = {
  done: (text: string) => show("done", text),
  error: (cause: unknown) => show("error", cause instanceof Error ? cause.message : String(cause)),
};

export function Toasts() {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
  return (
    <div
      role="status"
      aria-live="polite"
      className="pointer-events-none fixed right-4 bottom-4 left-4 z-[60] flex flex-col items-end gap-2"
    >
      {shown.map((item) => (
        <div
          key={item.key}
          className="pointer-events-auto flex max-w-md animate-rise items-center gap-3 rounded-xl border border-line bg-surface py-2 pr-2 pl-4 shadow-high"
        >
          {item.kind === "done" ? (
            <CircleCheck className="size-4.5 shrink-0 text-good" aria-hidden />
          ) : (
            <CircleAlert className="size-4.5 shrink-0 text-bad" aria-hidden />
          )}
          <span className="text-sm">{item.text}</span>
          <Button
            variant="ghost"
            size="icon-small"
            aria-label="Dismiss"
            onClick={() => dismiss(item.key)}
          >
            <X aria-hidden />
          </Button>
        </div>
      ))}
    </div>
  );
}
