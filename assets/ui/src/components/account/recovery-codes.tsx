// Recovery codes, shown this once: to copy, to save, to print.
import { Download } from "lucide-react";
import { Button } from "@/components/ui/button";
import { CopyButton } from "@/components/ui/copy-button";
import { Dialog } from "@/components/ui/dialog";
import { Notice } from "@/components/ui/notice";
import { useUser } from "@/lib/use-session";
import { saveText } from "@/lib/save";

interface RecoveryCodesProps {
  /** The dialog is open while there are any. */
  codes: readonly string[] | null;
  onDone: () => void;
}

export function RecoveryCodes({ codes, onDone }: RecoveryCodesProps) {
  const user = useUser();
  const list = codes ?? [];
  const text = () => `${list.join("\n")}\n`;
  return (
    <Dialog
      open={codes !== null}
      onOpenChange={onDone}
      sticky
      title="Your recovery codes"
      description="Each lets you in once when the app is not at hand."
    >
      <Notice kind="warning">
        They are shown only this once. Keep them where you find them without your phone.
      </Notice>
      <ul
        aria-label="Recovery codes"
        className="mt-4 grid grid-cols-2 gap-x-6 gap-y-1.5 rounded-xl border border-line bg-sunken p-4 font-mono text-[0.9375rem]"
      >
        {list.map((code) => (
          <li key={code}>{code}</li>
        ))}
      </ul>
      <div className="mt-3 flex flex-wrap gap-1">
        <CopyButton label="Copy the codes" text={text} />
        <Button
          size="small"
          variant="ghost"
          onClick={() =>
            saveText(
              "clean-custard-recovery-codes.txt",
              `Clean Custard, recovery codes of ${user.email}\n${window.location.origin}\n\n${text()}`,
            )
          }
        >
          <Download aria-hidden />
          Save as a file
        </Button>
      </div>
      <div className="mt-5 flex justify-end">
        <Button variant="primary" onClick={onDone}>
          I have kept them
        </Button>
      </div>
    </Dialog>
  );
}
