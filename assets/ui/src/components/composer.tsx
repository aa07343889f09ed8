// The question box: Enter or Ctrl/⌘+Enter asks, Shift+Enter breaks the line; it grows with the text.
import { ArrowUp } from "lucide-react";
import { useImperativeHandle, useLayoutEffect, useRef, useState, type Ref } from "react";
import { Button } from "./ui/button";
import { SourcePicker, type SourceChoice } from "./source-picker";

const LONGEST = 4000;

export interface ComposerHandle {
  focus: () => void;
}

interface ComposerProps {
  placeholder: string;
  sources: SourceChoice;
  onSources: (choice: SourceChoice) => void;
  onAsk: (question: string) => void;
  busy: boolean;
  handle: Ref<ComposerHandle>;
}

export function Composer({ placeholder, sources, onSources, onAsk, busy, handle }: ComposerProps) {
  const [text, setText] = useState("");
  const box = useRef<HTMLTextAreaElement>(null);
  const question = text.trim();
  const tooLong = question.length > LONGEST;

  useImperativeHandle(handle, () => ({ focus: () => box.current?.focus() }), []);

  useLayoutEffect(() => {
    const area = box.current;
    if (!area) return;
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight, 200)}px`;
  }, [text]);

  function send() {
    if (!question || busy || tooLong) return;
    onAsk(question);
    setText("");
  }

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
      className="rounded-2xl border border-line-strong bg-surface p-2 shadow-high focus-within:border-berry focus-within:ring-1 focus-within:ring-berry"
    >
      <textarea
        ref={box}
        rows={1}
        value={text}
        aria-label="Your question"
        aria-invalid={tooLong || undefined}
        placeholder={placeholder}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
          event.preventDefault();
          send();
        }}
        className="block w-full resize-none bg-transparent px-2.5 pt-2 pb-1 text-base outline-none"
      />
      {tooLong && (
        <p role="alert" className="px-2.5 text-sm text-bad">
          A question may have up to 4,000 characters; this one has{" "}
          {question.length.toLocaleString("en")}.
        </p>
      )}
      <div className="flex items-center justify-between gap-2">
        <SourcePicker value={sources} onChange={onSources} />
        <Button
          type="submit"
          variant="primary"
          size="icon"
          aria-label="Ask"
          title={busy ? "An answer is on its way" : "Ask (Enter)"}
          disabled={!question || busy || tooLong}
        >
          <ArrowUp aria-hidden />
        </Button>
      </div>
    </form>
  );
}
