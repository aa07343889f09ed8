// Dialogs: a centred one, a side drawer, and the question before something is deleted. Focus and Escape by Radix.
import { X } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import { useState, type ReactNode } from "react";
import { cn } from "@/lib/cn";
import { Button } from "./button";
import { Notice } from "./notice";

interface DialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  description?: string;
  children: ReactNode;
  side?: boolean;
  /** A dialog whose content must not be lost by a stray click or key closes only by its buttons. */
  sticky?: boolean;
  wide?: boolean;
}

export function Dialog({
  open,
  onOpenChange,
  title,
  description,
  children,
  side,
  sticky,
  wide,
}: DialogProps) {
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay data-dim className="fixed inset-0 z-40 animate-fade bg-[#1a1208]/45" />
        <Radix.Content
          {...(description ? {} : { "aria-describedby": undefined })}
          onOpenAutoFocus={(event) => {
            // A form is for typing: its first text field comes before the closing cross.
            const field = (event.target as HTMLElement).querySelector<HTMLElement>(
              "input:not([type=radio], [type=checkbox]), textarea",
            );
            if (!field) return;
            event.preventDefault();
            field.focus();
          }}
          onInteractOutside={(event) => {
            if (sticky) event.preventDefault();
          }}
          onEscapeKeyDown={(event) => {
            if (sticky) event.preventDefault();
          }}
          className={cn(
            "fixed z-50 flex flex-col overflow-y-auto bg-surface shadow-high outline-none",
            side
              ? "inset-y-0 left-0 w-[min(20rem,88vw)] animate-fade border-r border-line p-4"
              : "top-1/2 left-1/2 max-h-[min(90dvh,56rem)] w-[calc(100vw-2rem)] -translate-x-1/2 -translate-y-1/2 animate-fade rounded-2xl border border-line p-6",
            !side && (wide ? "max-w-2xl" : "max-w-lg"),
          )}
        >
          <div className={cn("flex items-start justify-between gap-4", side ? "-mb-9" : "mb-4")}>
            <div>
              <Radix.Title className={side ? "sr-only" : "text-xl"}>{title}</Radix.Title>
              {description && (
                <Radix.Description className="mt-1 text-sm text-ink-soft">
                  {description}
                </Radix.Description>
              )}
            </div>
            <Radix.Close asChild>
              <Button
                variant="ghost"
                size="icon-small"
                aria-label="Close"
                className="z-10 -mt-1 -mr-1 ml-auto"
              >
                <X aria-hidden />
              </Button>
            </Radix.Close>
          </div>
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

interface ConfirmProps {
  trigger: (open: () => void) => ReactNode;
  title: string;
  children: ReactNode;
  confirm: string;
  onConfirm: () => Promise<unknown>;
}

export function Confirm({ trigger, title, children, confirm, onConfirm }: ConfirmProps) {
  const [open, setOpen] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);

  async function go() {
    setBusy(true);
    setProblem(null);
    try {
      await onConfirm();
      setOpen(false);
    } catch (cause) {
      setProblem(cause instanceof Error ? cause.message : String(cause));
    } finally {
      setBusy(false);
    }
  }

  return (
    <>
      {trigger(() => setOpen(true))}
      <Dialog open={open} onOpenChange={setOpen} title={title}>
        <div className="text-ink-soft">{children}</div>
        {problem && (
          <Notice kind="error" className="mt-4">
            {problem}
          </Notice>
        )}
        <div className="mt-6 flex justify-end gap-2">
          <Button onClick={() => setOpen(false)}>Cancel</Button>
          <Button variant="danger" busy={busy} onClick={() => void go()}>
            {confirm}
          </Button>
        </div>
      </Dialog>
    </>
  );
}
