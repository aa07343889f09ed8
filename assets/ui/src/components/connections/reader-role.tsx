// The commands that make a role which may only read, folded away until somebody wants them.
import { ChevronRight } from "lucide-react";
import { Snippet } from "@/components/ui/snippet";
import { kindInfo } from "@/lib/kinds";

export function ReaderRole({ kind }: { kind: string }) {
  const info = kindInfo(kind);
  if (!info) return null;
  return (
    <details className="group">
      <summary className="inline-flex list-none items-center gap-1.5 rounded-md text-sm font-semibold text-berry hover:underline [&::-webkit-details-marker]:hidden">
        <ChevronRight className="size-4 transition-transform group-open:rotate-90" aria-hidden />
        Show the commands for {info.label}
      </summary>
      <div className="mt-2">
        <Snippet label={info.reader.where} copyLabel="Copy commands" text={info.reader.text} />
      </div>
    </details>
  );
}
