// Which translator turns questions into queries, and a test that says which step of reaching a model fails.
import { useMutation } from "@tanstack/react-query";
import { CircleCheck, CircleX, FlaskConical } from "lucide-react";
import { api, unwrap } from "@/api/client";
import type { LlmTest, Settings } from "@/api/types";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Card, CardHead } from "@/components/ui/card";
import { Notice } from "@/components/ui/notice";

export function ModelSettings({ settings }: { settings: Settings }) {
  const { llm, translator } = settings;
  const test = useMutation({ mutationFn: () => unwrap(api.POST("/api/v1/settings/llm/test")) });
  return (
    <Card aria-labelledby="model">
      <CardHead
        id="model"
        title="Translator"
        note="Turns a question into a query."
        action={
          <Badge tone={translator === "llm" ? "berry" : "good"}>
            {translator === "llm" ? "Language model" : "Built-in, offline"}
          </Badge>
        }
      />
      <div className="space-y-4 px-5 pb-5">
        {llm.configured ? (
          <dl className="grid gap-x-6 gap-y-2 text-sm sm:grid-cols-[8rem_minmax(0,1fr)]">
            <dt className="text-ink-soft">Address</dt>
            <dd className="break-all">{llm.base_url ?? "the default of the model’s maker"}</dd>
            <dt className="text-ink-soft">Model</dt>
            <dd className="break-all">{llm.model ?? "not set"}</dd>
            <dt className="text-ink-soft">Key</dt>
            <dd>{llm.key_set ? "set" : "not set"}</dd>
          </dl>
        ) : (
          <p className="text-sm text-ink-soft">
            Questions are translated on this server, without any model; nothing leaves it. To use a
            language model, start the server with <code className="font-mono">OPENAI_BASE_URL</code>
            , <code className="font-mono">OPENAI_MODEL</code> and{" "}
            <code className="font-mono">OPENAI_API_KEY</code>: any OpenAI-compatible address works,
            local ones too.
          </p>
        )}
        {llm.configured && (
          <Button busy={test.isPending} onClick={() => test.mutate()}>
            <FlaskConical aria-hidden />
            Test the model
          </Button>
        )}
        {test.isError && <Notice kind="error">{test.error.message}</Notice>}
        {test.data && <Steps result={test.data} />}
      </div>
    </Card>
  );
}

const stepNames: Record<string, string> = {
  connect: "Connect",
  auth: "Key accepted",
  model: "Model answers",
  json: "Answer is JSON",
};

function Steps({ result }: { result: LlmTest }) {
  return (
    <div role="status">
      <p className="mb-2 font-semibold">
        {result.ok ? "The model works." : "The model does not work yet."}
      </p>
      <ul className="space-y-1.5">
        {result.steps.map(({ step, ok, message }) => (
          <li key={step} className="flex items-start gap-2.5 text-sm">
            {ok ? (
              <CircleCheck className="mt-0.5 size-4 shrink-0 text-good" aria-label="Worked" />
            ) : (
              <CircleX className="mt-0.5 size-4 shrink-0 text-bad" aria-label="Failed" />
            )}
            <span className="min-w-0 break-words">
              <span className="font-semibold">{stepNames[step] ?? step}.</span> {message}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}
