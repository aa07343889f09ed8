// Reads a text/event-stream that arrives in arbitrary pieces; no network, no JSON.
export interface ServerEvent {
  event: string;
  data: string;
}

export class SseParser {
  private readonly decoder = new TextDecoder();
  private pending = "";
  private event = "";
  private data: string[] = [];

  /** Takes the next bytes and returns the events that are complete by now. */
  push(bytes: Uint8Array): ServerEvent[] {
    return this.take(this.decoder.decode(bytes, { stream: true }));
  }

  private take(text: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    this.pending += text;
    for (;;) {
      const end = this.pending.search(/[\r\n]/);
      if (end < 0) break;
      // A carriage return at the very end may be half of a CRLF: wait for what follows.
      if (this.pending[end] === "\r" && end + 1 === this.pending.length) break;
      const line = this.pending.slice(0, end);
      const crlf = this.pending[end] === "\r" && this.pending[end + 1] === "\n";
      this.pending = this.pending.slice(end + (crlf ? 2 : 1));
      const event = this.line(line);
      if (event) events.push(event);
    }
    return events;
  }

  private line(line: string): ServerEvent | null {
    if (line === "") return this.dispatch();
    if (line.startsWith(":")) return null;
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const raw = colon < 0 ? "" : line.slice(colon + 1);
    const value = raw.startsWith(" ") ? raw.slice(1) : raw;
    if (field === "event") this.event = value;
    if (field === "data") this.data.push(value);
    return null;
  }

  private dispatch(): ServerEvent | null {
    const event = this.data.length
      ? { event: this.event || "message", data: this.data.join("\n") }
      : null;
    this.event = "";
    this.data = [];
    return event;
  }
}
