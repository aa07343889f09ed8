// The event-stream parser: pieces may end anywhere.
import { describe, expect, it } from "vitest";
import { SseParser, type ServerEvent } from "./sse";

const encode = (text: string) => new TextEncoder().encode(text);

function parseInPieces(bytes: Uint8Array, size: number): ServerEvent[] {
  const parser = new SseParser();
  const events: ServerEvent[] = [];
  for (let at = 0; at < bytes.length; at += size)
    events.push(...parser.push(bytes.subarray(at, at + size)));
  return events;
}

describe("SseParser", () => {
  it("gives the same events wherever the stream is cut", () => {
    const bytes = encode(
      'event: stage\ndata: {"message":"Übersetze … 🍦"}\n\n: a comment\n\nevent: done\r\ndata: {"id":"1"}\r\n\r\n',
    );
    const whole = parseInPieces(bytes, bytes.length);
    expect(whole).toEqual([
      { event: "stage", data: '{"message":"Übersetze … 🍦"}' },
      { event: "done", data: '{"id":"1"}' },
    ]);
    for (let size = 1; size <= bytes.length; size++)
      expect(parseInPieces(bytes, size)).toEqual(whole);
  });

  it("joins several data lines with line breaks", () => {
    expect(parseInPieces(encode("data: a\ndata:\ndata:  b\n\n"), 3)).toEqual([
      { event: "message", data: "a\n\n b" },
    ]);
  });

  it("gives nothing for an event that is not finished or has no data", () => {
    expect(parseInPieces(encode("event: ping\n\ndata: half"), 5)).toEqual([]);
  });

  it("takes a lone carriage return as a line end", () => {
    expect(parseInPieces(encode("data: a\r\rdata: b\r\r\n"), 1)).toEqual([
      { event: "message", data: "a" },
      { event: "message", data: "b" },
    ]);
  });

  it("skips a byte order mark and fields it does not know", () => {
    expect(parseInPieces(encode("\ufeffid: 7\nretry: 100\ndata: x\n\n"), 2)).toEqual([
      { event: "message", data: "x" },
    ]);
  });
});
