// Sends the link of a new account again, not more often than is of use.
import { useMutation } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { resendVerification } from "@/api/account";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";

const PAUSE_SECONDS = 30;

export function ResendVerification({ email }: { email: string }) {
  const [pause, setPause] = useState(0);
  const resend = useMutation({
    mutationFn: () => resendVerification(email),
    onSuccess: () => setPause(PAUSE_SECONDS),
  });

  const waiting = pause > 0;
  useEffect(() => {
    if (!waiting) return;
    const second = setInterval(() => setPause((left) => left - 1), 1000);
    return () => clearInterval(second);
  }, [waiting]);

  return (
    <div className="space-y-3">
      {resend.isError && <Notice kind="error">{resend.error.message}</Notice>}
      {resend.isSuccess && (
        <Notice kind="good">Sent again, if there is an account that waits for it.</Notice>
      )}
      <Button
        className="w-full tabular-nums"
        busy={resend.isPending}
        disabled={waiting}
        onClick={() => resend.mutate()}
      >
        {waiting ? `Send the link again in ${pause} s` : "Send the link again"}
      </Button>
    </div>
  );
}
