// Who can have written a query, as the screens name them.
import { Cpu, Sparkles, UserPen, type LucideIcon } from "lucide-react";
import type { Answer } from "@/api/types";

interface TranslatorInfo {
  icon: LucideIcon;
  label: string;
  /** For lists, where there is little room. */
  short: string;
}

export const translators: Record<Answer["translator"], TranslatorInfo> = {
  offline: { icon: Cpu, label: "Built-in translator", short: "Built-in" },
  llm: { icon: Sparkles, label: "Language model", short: "Model" },
  user: { icon: UserPen, label: "Your query", short: "Your query" },
};
