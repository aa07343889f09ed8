// Copies a text and says so; works without the clipboard API on plain http as well.
import { Check, Copy } from "lucide-react";
import { useState, type ComponentProps } from "react";
import { copyText } from "@/lib/clipboard";
import { Button } from "./button";
import { toast } from "./toast";

interface CopyButtonProps extends Omit<ComponentProps<typeof Button>, "onClick"> {
  text: () => string;
  label: string;
  iconOnly?: boolean;
}

export function CopyButton({ text, label, iconOnly, ...rest }: CopyButtonProps) {
  const [copied, setCopied] = useState(false);

  async function copy() {
    try {
      await copyText(text());
      setCopied(true);
      setTimeout(() => setCopied(false), 1600);
    } catch {
      toast.error("The browser did not allow copying. Select the text and copy it by hand.");
    }
  }

  return (
    <Button
      size="small"
      variant="ghost"
      aria-label={iconOnly ? label : undefined}
      title={label}
      onClick={() => void copy()}
      {...rest}
    >
      {copied ? <Check aria-hidden className="text-good" /> : <Copy aria-hidden />}
      {!iconOnly && (copied ? "Copied" : label)}
      {iconOnly && (
        <span className="sr-only" aria-live="polite">
          {copied ? "Copied" : ""}
        </span>
      )}
    </Button>
  );
}
