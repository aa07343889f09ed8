// A text to paste elsewhere, with its name and the button that copies it.
import { CopyButton } from "./copy-button";

interface SnippetProps {
  label: string;
  copyLabel: string;
  text: string;
}

export function Snippet({ label, copyLabel, text }: SnippetProps) {
  return (
    <div className="rounded-xl border border-line bg-sunken">
      <div className="flex items-center justify-between gap-3 border-b border-line py-1 pr-1.5 pl-3">
        <span className="min-w-0 text-sm font-semibold">{label}</span>
        <CopyButton label={copyLabel} text={() => text} />
      </div>
      {/* Scrolled by keyboard, so it has to take the focus. */}
      <pre
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        role="group"
        aria-label={label}
        className="overflow-x-auto rounded-b-xl p-3 font-mono text-[0.8125rem] leading-relaxed outline-offset-[-2px]"
      >
        {text}
      </pre>
    </div>
  );
}
