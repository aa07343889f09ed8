// A quiet raised surface, and the heading row it usually starts with.
import type { ComponentProps, ReactNode } from "react";
import { cn } from "@/lib/cn";

export function Card({ className, ...rest }: ComponentProps<"section">) {
  return (
    <section
      className={cn("rounded-2xl border border-line bg-surface shadow-card", className)}
      {...rest}
    />
  );
}

interface CardHeadProps {
  title: ReactNode;
  note?: ReactNode;
  action?: ReactNode;
  id?: string;
}

export function CardHead({ title, note, action, id }: CardHeadProps) {
  return (
    <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2 px-5 pt-4 pb-3">
      <div className="min-w-0 flex-1 basis-48">
        <h2 id={id} className="text-[1.0625rem]">
          {title}
        </h2>
        {note && <p className="text-sm text-ink-soft">{note}</p>}
      </div>
      {action}
    </div>
  );
}
