// Whether an answer is right, said by its asker: what is right suggests an example, what is wrong may say why.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { ThumbsDown, ThumbsUp } from "lucide-react";
import { useState, type ReactNode } from "react";
import {
  examplesQuery,
  feedbackQuery,
  giveFeedback,
  glossaryQuery,
  takeFeedbackBack,
  type Feedback as Given,
} from "@/api/teaching";
import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/field";
import { TextLink } from "@/components/ui/text-link";
import { toast } from "@/components/ui/toast";
import { useAtLeast } from "@/lib/rights";

type Verdict = Given["verdict"];

export function Feedback({ answerId }: { answerId: string }) {
  const client = useQueryClient();
  const mayApprove = useAtLeast("analyst");
  const query = feedbackQuery(answerId);
  const given = useQuery(query).data ?? null;
  const [asked, setAsked] = useState(false);
  const change = useMutation({
    mutationFn: async (next: { verdict: Verdict; comment?: string } | null) => {
      if (next) return giveFeedback(answerId, next);
      await takeFeedbackBack(answerId);
      return null;
    },
    onSuccess: (saved) => {
      client.setQueryData(query.queryKey, saved);
      void client.invalidateQueries({ queryKey: examplesQuery.queryKey });
      void client.invalidateQueries({ queryKey: glossaryQuery.queryKey });
    },
    onError: (error) => toast.error(error),
  });

  const press = (verdict: Verdict) => {
    const next = given?.verdict === verdict ? null : { verdict };
    setAsked(next?.verdict === "wrong");
    change.mutate(next);
  };

  return (
    <div className="mt-2 text-sm text-ink-soft">
      <div className="flex flex-wrap items-center gap-1">
        <VerdictButton
          label="This answer is right"
          pressed={given?.verdict === "right"}
          onPress={() => press("right")}
        >
          <ThumbsUp aria-hidden />
        </VerdictButton>
        <VerdictButton
          label="This answer is wrong"
          pressed={given?.verdict === "wrong"}
          onPress={() => press("wrong")}
        >
          <ThumbsDown aria-hidden />
        </VerdictButton>
        <span role="status" className="ml-1">
          {given?.verdict === "right" && given.suggested_example_id && (
            <>
              Suggested as an example
              {mayApprove && (
                <>
                  : <TextLink to="/knowledge?part=suggestions">approve it</TextLink>
                </>
              )}
            </>
          )}
          {given?.verdict === "wrong" && !asked && (given.comment ?? "Noted.")}
        </span>
      </div>
      {asked && given?.verdict === "wrong" && (
        <form
          ref={focusFirst}
          className="mt-2 flex max-w-xl gap-2"
          onSubmit={(event) => {
            event.preventDefault();
            const comment = new FormData(event.currentTarget).get("comment");
            const text = typeof comment === "string" ? comment.trim() : "";
            setAsked(false);
            if (text) change.mutate({ verdict: "wrong", comment: text });
          }}
        >
          <Input
            name="comment"
            aria-label="What is wrong"
            placeholder="What is wrong? For example: revenue means total minus refunds"
            maxLength={2000}
          />
          <Button type="submit" size="small" className="h-9">
            Send
          </Button>
        </form>
      )}
    </div>
  );
}

/** The field follows the press of a button: what is typed next belongs there. */
function focusFirst(form: HTMLFormElement | null) {
  form?.querySelector("input")?.focus();
}

interface VerdictButtonProps {
  label: string;
  pressed: boolean;
  onPress: () => void;
  children: ReactNode;
}

function VerdictButton({ label, pressed, onPress, children }: VerdictButtonProps) {
  return (
    <Button
      variant="ghost"
      size="icon-small"
      aria-label={label}
      title={label}
      aria-pressed={pressed}
      className={pressed ? "bg-custard-soft text-ink" : undefined}
      onClick={onPress}
    >
      {children}
    </Button>
  );
}
