// Lays out a JSON text for reading. Only blanks change: no number or string is read and written again, so none can change.

interface Group {
  open: string;
  close: string;
  items: Item[];
}

interface Item {
  key: string | null;
  value: string | Group;
}

const TOKEN = /\s*("(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+)/gy;
const WIDTH = 76;
const DEEPEST = 200;

/** The text on lines of readable width, or the text itself where it is no JSON. */
export function layOutJson(text: string): string {
  const tokens = tokenise(text);
  if (!tokens) return text;
  let at = 0;

  function value(depth: number): string | Group {
    const token = tokens?.[at++];
    if (token === undefined || depth > DEEPEST || /^[\]},:]$/.test(token)) throw new SyntaxError();
    if (token !== "{" && token !== "[") return token;
    const group: Group = { open: token, close: token === "{" ? "}" : "]", items: [] };
    if (tokens?.[at] === group.close) {
      at++;
      return group;
    }
    for (;;) {
      let key: string | null = null;
      if (token === "{") {
        key = tokens?.[at++] ?? "";
        if (!key.startsWith('"') || tokens?.[at++] !== ":") throw new SyntaxError();
      }
      group.items.push({ key, value: value(depth + 1) });
      const next = tokens?.[at++];
      if (next === group.close) return group;
      if (next !== ",") throw new SyntaxError();
    }
  }

  try {
    const whole = value(0);
    return at === tokens.length ? print(whole, 0, 0) : text;
  } catch {
    return text;
  }
}

function tokenise(text: string): string[] | null {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  const end = text.trimEnd().length;
  while (TOKEN.lastIndex < end) {
    const token = TOKEN.exec(text)?.[1];
    if (token === undefined) return null;
    tokens.push(token);
  }
  return tokens;
}

function inline(value: string | Group): string {
  if (typeof value === "string") return value;
  const items = value.items.map((item) => prefix(item) + inline(item.value));
  const pad = value.open === "{" && items.length > 0 ? " " : "";
  return `${value.open}${pad}${items.join(", ")}${pad}${value.close}`;
}

function prefix({ key }: Item): string {
  return key === null ? "" : `${key}: `;
}

function print(value: string | Group, indent: number, taken: number): string {
  const short = inline(value);
  if (typeof value === "string" || value.items.length === 0) return short;
  if (indent > 0 && indent + taken + short.length <= WIDTH) return short;
  const inner = indent + 2;
  const lines = value.items.map(
    (item) => " ".repeat(inner) + prefix(item) + print(item.value, inner, prefix(item).length),
  );
  return `${value.open}\n${lines.join(",\n")}\n${" ".repeat(indent)}${value.close}`;
}
