// The steps of a test, each with how it went.
import { CircleCheck, CircleX } from "lucide-react";

interface StepsProps {
  title: string;
  steps: readonly { step: string; ok: boolean; message: string }[];
  /** Of steps whose own name says too little. */
  names?: Record<string, string>;
}

export function Steps({ title, steps, names = {} }: StepsProps) {
  return (
    <div role="status">
      <p className="mb-2 font-semibold">{title}</p>
      <ul className="space-y-1.5">
        {steps.map(({ step, ok, message }) => (
          <li key={step} className="flex items-start gap-2.5 text-sm">
            {ok ? (
              <CircleCheck className="mt-0.5 size-4 shrink-0 text-good" aria-label="Worked" />
            ) : (
              <CircleX className="mt-0.5 size-4 shrink-0 text-bad" aria-label="Failed" />
            )}
            <span className="min-w-0 break-words">
              <span className="font-semibold">{names[step] ?? step}.</span> {message}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}
