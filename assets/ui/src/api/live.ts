// The live socket: agents, files and queries as they change; reconnects for as long as somebody is signed in.
import { socketUrl } from "./base";
import { session } from "./session";
import type { Connection } from "./types";

export type LiveMessage =
  | { type: "ready" }
  | { type: "connection"; connection: Connection }
  | { type: "connection_removed"; id: string }
  | { type: "schema"; connection_id: string }
  | { type: "files" }
  /** One's own role, organisation or access to sources is another now. */
  | { type: "account" }
  | { type: "query"; id: string; state: "running" | "done" };

export type LiveState = "connecting" | "live" | "lost";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
const CLOSED_BY_POLICY = 1008;

/** Opens the socket and keeps it open; returns the function that ends it. */
export function openLive(
  onMessage: (message: LiveMessage) => void,
  onState: (state: LiveState) => void,
): () => void {
  let socket: WebSocket | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let wait = FIRST_WAIT_MS;
  let ended = false;
  let refused = false;

  function later() {
    if (ended) return;
    onState("lost");
    timer = setTimeout(() => void connect(), wait * (0.75 + Math.random() / 2));
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }

  async function connect() {
    let token: string | null;
    try {
      // A socket that closed before it was ready may have been refused for its token.
      token = await (refused ? session.refresh() : session.freshToken());
    } catch {
      return later();
    }
    if (ended || !token) return;
    refused = true;
    const opened = new WebSocket(socketUrl("/api/v1/status/ws"));
    socket = opened;
    opened.onopen = () => opened.send(JSON.stringify({ type: "auth", access_token: token }));
    opened.onmessage = (event) => {
      const message = JSON.parse(String(event.data)) as LiveMessage;
      if (message.type === "ready") {
        wait = FIRST_WAIT_MS;
        refused = false;
        onState("live");
      }
      onMessage(message);
    };
    opened.onclose = (event) => {
      if (socket !== opened || ended) return;
      // Closed by the server's own decision: the session may have ended, and asking for a new token tells.
      if (event.code === CLOSED_BY_POLICY && !refused)
        void session.refresh().then((token) => token && later(), later);
      else later();
    };
  }

  function soon() {
    if (socket?.readyState === WebSocket.OPEN || ended) return;
    clearTimeout(timer);
    wait = FIRST_WAIT_MS;
    const stale = socket;
    socket = null;
    stale?.close();
    void connect();
  }

  onState("connecting");
  void connect();
  window.addEventListener("online", soon);
  return () => {
    ended = true;
    clearTimeout(timer);
    window.removeEventListener("online", soon);
    socket?.close();
  };
}
