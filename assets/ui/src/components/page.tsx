// The common measure and heading of the screens.
import type { ReactNode } from "react";
import { useTitle } from "@/lib/use-title";

interface PageProps {
  title: string;
  /** What is shown as the heading, where it is more than the title. */
  heading?: ReactNode;
  note?: ReactNode;
  action?: ReactNode;
  children: ReactNode;
}

export function Page({ title, heading, note, action, children }: PageProps) {
  useTitle(title);
  return (
    <div className="mx-auto w-full max-w-6xl px-4 pt-6 pb-16 sm:px-8 sm:pt-9">
      <div className="mb-6 flex flex-wrap items-end justify-between gap-x-6 gap-y-3">
        <div className="min-w-0 max-w-full">
          <h1 className="text-[1.75rem] break-words">{heading ?? title}</h1>
          {note && <div className="mt-1 text-ink-soft">{note}</div>}
        </div>
        {action && <div className="flex flex-wrap items-center gap-2">{action}</div>}
      </div>
      {children}
    </div>
  );
}
