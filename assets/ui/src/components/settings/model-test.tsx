// What a test of a model found, step by step.
import type { components } from "@/api/schema";
import { Steps } from "./steps";

const names: Record<string, string> = {
  connect: "Connect",
  auth: "Key accepted",
  model: "Model answers",
  json: "Answer is JSON",
};

export function ModelTest({ report }: { report: components["schemas"]["TestReport"] }) {
  return (
    <Steps
      title={report.ok ? "The model works." : "The model does not work yet."}
      steps={report.steps}
      names={names}
    />
  );
}
