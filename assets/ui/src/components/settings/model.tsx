// Which translator turns questions into queries; owners may set one, admins may test it.
import { useMutation } from "@tanstack/react-query";
import { FlaskConical } from "lucide-react";
import { api, unwrap } from "@/api/client";
import type { Settings } from "@/api/types";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Card, CardHead } from "@/components/ui/card";
import { Notice } from "@/components/ui/notice";
import { useAtLeast } from "@/lib/rights";
import { ModelForm } from "./model-form";
import { ModelTest } from "./model-test";

export function ModelSettings({ settings }: { settings: Settings }) {
  const { llm, translator } = settings;
  const isOwner = useAtLeast("owner");
  return (
    <Card aria-labelledby="model">
      <CardHead
        id="model"
        title="Translator"
        note="Turns a question into a query."
        action={
          <Badge tone={translator === "llm" ? "berry" : "good"}>
            {translator === "llm" ? (llm.model ?? "Language model") : "Built-in, offline"}
          </Badge>
        }
      />
      <div className="space-y-4 px-5 pb-5">
        {isOwner && llm.may_be_set ? (
          // What was saved is what the form begins with.
          <ModelForm key={JSON.stringify(llm)} settings={settings} />
        ) : (
          <Model settings={settings} />
        )}
      </div>
    </Card>
  );
}

/** For those who may not set one, and where the server does not let organizations. */
function Model({ settings: { llm } }: { settings: Settings }) {
  const mayTest = useAtLeast("admin");
  const test = useMutation({ mutationFn: () => unwrap(api.POST("/api/v1/settings/llm/test")) });
  return (
    <>
      {llm.configured ? (
        <dl className="grid gap-x-6 gap-y-2 text-sm sm:grid-cols-[8rem_minmax(0,1fr)]">
          <dt className="text-ink-soft">Address</dt>
          <dd className="break-all">{llm.base_url}</dd>
          <dt className="text-ink-soft">Model</dt>
          <dd className="break-all">{llm.model}</dd>
          <dt className="text-ink-soft">Key</dt>
          <dd>{llm.key_set ? "set" : "not set"}</dd>
        </dl>
      ) : (
        <p className="text-sm text-ink-soft">
          Questions are translated on this server, without any model; nothing leaves it. To use a
          language model, start the server with <code className="font-mono">OPENAI_BASE_URL</code>,{" "}
          <code className="font-mono">OPENAI_MODEL</code> and{" "}
          <code className="font-mono">OPENAI_API_KEY</code>: any OpenAI-compatible address works,
          local ones too.
        </p>
      )}
      {llm.configured && mayTest && (
        <Button busy={test.isPending} onClick={() => test.mutate()}>
          <FlaskConical aria-hidden />
          Test the model
        </Button>
      )}
      {test.isError && <Notice kind="error">{test.error.message}</Notice>}
      {test.data && <ModelTest report={test.data} />}
    </>
  );
}
