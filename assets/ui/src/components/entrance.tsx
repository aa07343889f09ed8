// The frame of the set-up and log-in pages: the swirl, a heading, one form.
import { useEffect, useRef, type ReactNode } from "react";
import { Card } from "./ui/card";
import { Swirl } from "./logo";

interface EntranceProps {
  title: string;
  note: string;
  children: ReactNode;
}

export function EntranceFrame({ title, note, children }: EntranceProps) {
  const frame = useRef<HTMLElement>(null);

  // These pages hold one form and nothing else: typing begins at once. A touch keyboard waits to be asked for.
  useEffect(() => {
    if (window.matchMedia("(pointer: fine)").matches)
      frame.current?.querySelector("input")?.focus({ preventScroll: true });
  }, []);

  return (
    <main ref={frame} className="grid min-h-dvh place-items-center px-4 py-10">
      <div className="w-full max-w-md">
        <div className="mb-6 flex flex-col items-center text-center">
          <Swirl className="mb-3 size-16" />
          <h1 className="text-[1.75rem]">{title}</h1>
          <p className="mt-1.5 text-balance text-ink-soft">{note}</p>
        </div>
        <Card className="p-6">{children}</Card>
      </div>
    </main>
  );
}
