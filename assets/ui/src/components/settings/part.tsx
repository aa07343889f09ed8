// One part of the settings: its title in the tab, its cards below each other.
import type { ReactNode } from "react";
import { useTitle } from "@/lib/use-title";
import { cn } from "@/lib/cn";

interface PartProps {
  title: string;
  /** For tables, which need the whole width. */
  wide?: boolean;
  children: ReactNode;
}

export function Part({ title, wide, children }: PartProps) {
  useTitle(`${title} · Settings`);
  return <div className={cn("space-y-5", !wide && "max-w-3xl")}>{children}</div>;
}
