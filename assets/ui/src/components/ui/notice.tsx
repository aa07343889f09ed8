// Calm messages inside a page: something failed and can be tried again, a warning, an empty place with the next step.
import {
  AlertTriangle,
  CircleAlert,
  CircleCheck,
  Info,
  RotateCw,
  type LucideIcon,
} from "lucide-react";
import type { ReactNode } from "react";
import { cn } from "@/lib/cn";
import { Button } from "./button";

const looks = {
  info: { icon: Info, box: "bg-berry-soft", mark: "text-berry" },
  good: { icon: CircleCheck, box: "bg-good-soft", mark: "text-good" },
  warning: { icon: AlertTriangle, box: "bg-warn-soft", mark: "text-warn" },
  error: { icon: CircleAlert, box: "bg-bad-soft", mark: "text-bad" },
} as const;

const roles = { info: "note", good: "status", warning: "note", error: "alert" } as const;

interface NoticeProps {
  kind: keyof typeof looks;
  title?: string;
  children?: ReactNode;
  action?: ReactNode;
  className?: string;
}

export function Notice({ kind, title, children, action, className }: NoticeProps) {
  const { icon: Icon, box, mark } = looks[kind];
  return (
    <div
      role={roles[kind]}
      className={cn(
        "flex items-start gap-x-3 gap-y-2 rounded-xl px-4 py-3 max-sm:flex-wrap",
        box,
        className,
      )}
    >
      <Icon className={cn("mt-0.5 size-4.5 shrink-0", mark)} aria-hidden />
      <div className="min-w-0 flex-1 max-sm:basis-[calc(100%-2.5rem)]">
        {title && <p className="font-semibold">{title}</p>}
        {children && <div className="text-sm break-words">{children}</div>}
      </div>
      {action && <div className="max-sm:ml-7.5">{action}</div>}
    </div>
  );
}

export function LoadError({ error, retry }: { error: Error; retry: () => void }) {
  return (
    <Notice
      kind="error"
      title="This could not be loaded"
      action={
        <Button size="small" onClick={retry}>
          <RotateCw aria-hidden />
          Try again
        </Button>
      }
    >
      {error.message}
    </Notice>
  );
}

interface EmptyProps {
  icon: LucideIcon;
  title: string;
  children: ReactNode;
  action?: ReactNode;
  className?: string;
}

export function Empty({ icon: Icon, title, children, action, className }: EmptyProps) {
  return (
    <div className={cn("flex flex-col items-center px-6 py-10 text-center", className)}>
      <span className="mb-3 grid size-12 place-items-center rounded-full bg-custard-soft">
        <Icon className="size-5.5" aria-hidden />
      </span>
      <h3 className="text-base">{title}</h3>
      <p className="mt-1 max-w-md text-sm text-balance text-ink-soft">{children}</p>
      {action && <div className="mt-4 flex flex-wrap justify-center gap-2">{action}</div>}
    </div>
  );
}
