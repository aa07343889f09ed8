// The frame of the set-up and log-in pages: the swirl, a heading, one form.
import type { ReactNode } from "react";
import { Card } from "./ui/card";
import { Swirl } from "./logo";

interface EntranceProps {
  title: string;
  note: string;
  children: ReactNode;
}

export function EntranceFrame({ title, note, children }: EntranceProps) {
  return (
    <main className="grid min-h-dvh place-items-center px-4 py-10">
      <div className="w-full max-w-md">
        <div className="mb-6 flex flex-col items-center text-center">
          <Swirl className="mb-3 size-16" />
          <h1 className="text-[1.75rem]">{title}</h1>
          <p className="mt-1.5 text-ink-soft">{note}</p>
        </div>
        <Card className="p-6">{children}</Card>
      </div>
    </main>
  );
}
