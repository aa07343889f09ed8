// Small labels, and the dot that tells a live state without relying on colour alone.
import type { ReactNode } from "react";
import { cn } from "@/lib/cn";

export type Tone = "plain" | "good" | "warn" | "bad" | "berry" | "custard";

const tones: Record<Tone, string> = {
  plain: "bg-sunken text-ink-soft",
  good: "bg-good-soft text-good",
  warn: "bg-warn-soft text-warn",
  bad: "bg-bad-soft text-bad",
  berry: "bg-berry-soft text-berry",
  custard: "bg-custard-soft text-ink",
};

interface BadgeProps {
  tone?: Tone;
  className?: string;
  title?: string;
  children: ReactNode;
}

export function Badge({ tone = "plain", className, title, children }: BadgeProps) {
  return (
    <span
      title={title}
      className={cn(
        "inline-flex items-center gap-1.5 rounded-full px-2.5 py-0.5 text-[0.8125rem] font-semibold whitespace-nowrap [&_svg]:size-3.5",
        tones[tone],
        className,
      )}
    >
      {children}
    </span>
  );
}

export function LiveDot({ tone }: { tone: "good" | "bad" | "plain" }) {
  return (
    <span
      aria-hidden
      className={cn(
        "size-2 shrink-0 rounded-full",
        tone === "good" && "bg-good",
        tone === "bad" && "bg-bad",
        tone === "plain" && "border-2 border-ink-faint",
      )}
    />
  );
}
