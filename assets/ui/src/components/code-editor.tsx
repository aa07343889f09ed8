// CodeMirror for queries; loaded only when a query is looked at. Tab leaves the editor, so the keyboard is never caught.
import { autocompletion, closeBrackets, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { json } from "@codemirror/lang-json";
import { MySQL, PostgreSQL, sql, SQLite, type SQLDialect } from "@codemirror/lang-sql";
import { bracketMatching, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorState, type Extension } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useRef } from "react";

export interface CodeEditorProps {
  value: string;
  /** The language of the query, as the server names it. */
  dialect: string;
  label: string;
  schema: Record<string, string[]>;
  onChange: (value: string) => void;
  onRun: () => void;
}

const look = EditorView.theme({
  "&": { backgroundColor: "transparent", fontSize: "0.84rem" },
  "&.cm-focused": { outline: "none" },
  ".cm-content": {
    fontFamily: "var(--font-mono)",
    lineHeight: "1.6",
    padding: "12px 14px",
    caretColor: "var(--ink)",
  },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-line": { padding: "0" },
  ".cm-scroller": { overflow: "auto", maxHeight: "24rem" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, ::selection": {
    backgroundColor: "color-mix(in srgb, var(--custard) 45%, transparent)",
  },
  ".cm-tooltip": {
    backgroundColor: "var(--surface)",
    border: "1px solid var(--line)",
    borderRadius: "8px",
    overflow: "hidden",
  },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": {
    backgroundColor: "var(--custard-soft)",
    color: "var(--ink)",
  },
  ".cm-matchingBracket": { backgroundColor: "var(--custard-soft)", outline: "none" },
});

const sqlDialects: Record<string, SQLDialect | undefined> = {
  mysql: MySQL,
  sqlite: SQLite,
};

function language(dialect: string, schema: CodeEditorProps["schema"]): Extension {
  if (dialect === "mongodb") return json();
  return [
    sql({ dialect: sqlDialects[dialect] ?? PostgreSQL, schema, upperCaseKeywords: true }),
    autocompletion({ activateOnTypingDelay: 250 }),
  ];
}

const colors = HighlightStyle.define([
  { tag: tags.keyword, color: "var(--berry)", fontWeight: "600" },
  { tag: tags.propertyName, color: "var(--berry)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--good)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--warn)" },
  { tag: tags.comment, color: "var(--ink-faint)", fontStyle: "italic" },
  { tag: tags.operator, color: "var(--ink-soft)" },
]);

export default function CodeEditor({
  value,
  dialect,
  label,
  schema,
  onChange,
  onRun,
}: CodeEditorProps) {
  const frame = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const latest = useRef({ value, onChange, onRun });

  useEffect(() => {
    latest.current = { value, onChange, onRun };
  });

  useEffect(() => {
    if (!frame.current) return;
    // In a shadow tree its styles are sheets made by script, which the content policy allows; in the page itself
    // they would be inline styles, which it does not. The theme's variables reach into it.
    const host = frame.current.appendChild(document.createElement("div"));
    const root = host.attachShadow({ mode: "open" });
    const editor = new EditorView({
      parent: root,
      root,
      state: EditorState.create({
        doc: latest.current.value,
        extensions: [
          history(),
          bracketMatching(),
          closeBrackets(),
          language(dialect, schema),
          syntaxHighlighting(colors),
          keymap.of([
            {
              key: "Mod-Enter",
              run: () => {
                latest.current.onRun();
                return true;
              },
            },
            ...completionKeymap,
            ...defaultKeymap.filter((binding) => binding.key !== "Mod-Enter"),
            ...historyKeymap,
          ]),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ "aria-label": label }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) latest.current.onChange(update.state.doc.toString());
          }),
          look,
        ],
      }),
    });
    view.current = editor;
    return () => {
      editor.destroy();
      host.remove();
      view.current = null;
    };
  }, [dialect, label, schema]);

  // A value set from outside (reset to the original) replaces the text.
  useEffect(() => {
    const editor = view.current;
    const text = editor?.state.doc.toString();
    if (editor && text !== value)
      editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } });
  }, [value]);

  return <div ref={frame} />;
}
