// The frame of the pages before somebody is in: the swirl, a heading, one form, and the ways to go instead.
import { useEffect, useRef, type ReactNode } from "react";
import { useTitle } from "@/lib/use-title";
import { Card } from "./ui/card";
import { Swirl } from "./logo";

interface EntranceProps {
  title: string;
  /** Of the browser's tab, where it is another. */
  tab?: string;
  note: ReactNode;
  children: ReactNode;
  /** Links below the form. */
  foot?: ReactNode;
}

export function EntranceFrame({ title, tab, note, children, foot }: EntranceProps) {
  useTitle(tab ?? title);
  const frame = useRef<HTMLElement>(null);

  // These pages hold one form and nothing else: typing begins at once. A touch keyboard waits to be asked for.
  useEffect(() => {
    if (window.matchMedia("(pointer: fine)").matches)
      frame.current?.querySelector("input")?.focus({ preventScroll: true });
  }, [title]);

  return (
    <main ref={frame} className="grid min-h-dvh place-items-center px-4 py-10">
      <div className="w-full max-w-md">
        <div className="mb-6 flex flex-col items-center text-center">
          <Swirl className="mb-3 size-16" />
          <h1 className="text-[1.75rem]">{title}</h1>
          <p className="mt-1.5 max-w-full text-balance break-words text-ink-soft">{note}</p>
        </div>
        <Card className="p-6">{children}</Card>
        {foot && (
          <div className="mt-5 flex flex-wrap justify-center gap-x-5 gap-y-2 text-sm text-ink-soft">
            {foot}
          </div>
        )}
      </div>
    </main>
  );
}
