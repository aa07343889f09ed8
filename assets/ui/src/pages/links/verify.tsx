// Where the link of a new account leads: confirms the address and lets its owner in.
import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { verify } from "@/api/account";
import { session } from "@/api/session";
import { EntranceFrame } from "@/components/entrance";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { TextLink } from "@/components/ui/text-link";
import { MissingToken, useLinkToken } from "./token";

export default function Verify() {
  const token = useLinkToken();
  const navigate = useNavigate();
  const confirm = useMutation({
    mutationFn: verify,
    onSuccess: (opened) => {
      session.signIn(opened);
      void navigate("/", { replace: true });
    },
  });
  if (!token) return <MissingToken />;
  return (
    <EntranceFrame
      title="Confirm your e-mail"
      note="Then your account is ready and you are logged in."
      foot={<TextLink to="/login">Go to the log-in</TextLink>}
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
        Confirm and go on
      </Button>
    </EntranceFrame>
  );
}
