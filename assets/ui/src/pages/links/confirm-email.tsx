// Where the link of a changed address leads: makes it the one to log in with.
import { useMutation } from "@tanstack/react-query";
import { CircleCheck } from "lucide-react";
import { confirmEmail, readMe } from "@/api/account";
import { session } from "@/api/session";
import { EntranceFrame } from "@/components/entrance";
import { Button, ButtonLink } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { MissingToken, useLinkToken } from "./token";

export default function ConfirmEmail() {
  const token = useLinkToken();
  const confirm = useMutation({
    mutationFn: confirmEmail,
    onSuccess: async () => {
      if (session.current().status === "signed-in") session.updateUser(await readMe());
    },
  });
  if (!token) return <MissingToken />;
  if (confirm.isSuccess)
    return (
      <EntranceFrame title="Your address is changed" note="From now on, log in with the new one.">
        <p className="mb-4 flex items-center gap-3">
          <CircleCheck className="size-5 shrink-0 text-good" aria-hidden />
          The new address is confirmed.
        </p>
        <ButtonLink to="/" variant="primary" className="w-full">
          Go on
        </ButtonLink>
      </EntranceFrame>
    );
  return (
    <EntranceFrame
      title="Confirm your new e-mail"
      note="From then on you log in with this address, and mail goes to it."
    >
      {confirm.isError && (
        <Notice kind="error" className="mb-4">
          {confirm.error.message}
        </Notice>
      )}
      {/* By a click, not by itself: programs that look into mail follow links, and this one works once. */}
      <Button
        variant="primary"
        className="w-full"
        busy={confirm.isPending}
        onClick={() => confirm.mutate(token)}
      >
        Confirm the address
      </Button>
    </EntranceFrame>
  );
}
