// Who is signed in: keeps the access token in memory only and renews it from the refresh cookie, one renewal at a time.
import { apiUrl, CREDENTIALS } from "./base";
import { errorFromResponse, toApiError, type ApiError } from "./error";
import type { Session, User } from "./types";

export type SessionState =
  | { status: "loading" }
  | { status: "unreachable"; error: ApiError }
  | { status: "signed-out"; reason?: string }
  | { status: "signed-in"; user: User };

interface Channel {
  postMessage(message: string): void;
  onmessage: ((event: MessageEvent) => void) | null;
}

export interface Surroundings {
  fetch: typeof fetch;
  /** Runs the work while no other tab does the same; a no-op where the browser lacks locks. */
  exclusively: <T>(work: () => Promise<T>) => Promise<T>;
  channel: Channel | null;
  now: () => number;
}

const EARLY_MS = 20_000;
const ENDED = "Your session has ended. Log in again.";

export function createSession(around: Surroundings) {
  let state: SessionState = { status: "loading" };
  let token: string | null = null;
  let expiresAt = 0;
  let renewal: Promise<string | null> | null = null;
  const listeners = new Set<() => void>();

  function set(next: SessionState) {
    state = next;
    for (const listener of listeners) listener();
  }

  function accept(session: Session) {
    token = session.access_token;
    expiresAt = around.now() + session.expires_in * 1000;
    set({ status: "signed-in", user: session.user });
  }

  /** The reason is for somebody who did not sign out by their own hand. */
  function forget(reason?: string) {
    token = null;
    expiresAt = 0;
    if (state.status !== "signed-out")
      set(reason ? { status: "signed-out", reason } : { status: "signed-out" });
  }

  const signedOut = () => state.status === "signed-out";

  async function renew(): Promise<string | null> {
    let response: Response;
    try {
      response = await around.fetch(apiUrl("/api/v1/auth/refresh"), {
        method: "POST",
        credentials: CREDENTIALS,
      });
      if (response.ok) {
        const renewed = (await response.json()) as Session;
        // Who signed out meanwhile stays out.
        if (signedOut()) return null;
        accept(renewed);
        return token;
      }
    } catch (cause) {
      if (state.status !== "signed-in") set({ status: "unreachable", error: toApiError(cause) });
      throw toApiError(cause);
    }
    if (response.status === 401 || response.status === 403) {
      forget(state.status === "signed-in" ? ENDED : undefined);
      return null;
    }
    const error = await errorFromResponse(response);
    if (state.status !== "signed-in") set({ status: "unreachable", error });
    throw error;
  }

  /**
   * Asks for a new access token; callers that come while one is under way share it. Null means signed out, and then
   * nothing is asked: a request left over from before would sign somebody in again whose cookie is just being ended.
   */
  async function refresh(): Promise<string | null> {
    if (signedOut()) return null;
    renewal ??= around.exclusively(renew).finally(() => {
      renewal = null;
    });
    return renewal;
  }

  if (around.channel) {
    around.channel.onmessage = (event) => {
      if (event.data === "signed-out") forget();
      if (event.data === "signed-in" && signedOut()) void start();
    };
  }

  /** At page load, or after another tab signed in: find out whether the cookie stands for somebody. */
  async function start() {
    set({ status: "loading" });
    await refresh().catch(() => undefined);
  }

  return {
    current: () => state,
    subscribe(listener: () => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    start,
    signIn(session: Session) {
      accept(session);
      around.channel?.postMessage("signed-in");
    },
    async signOut() {
      const bearer = token;
      const renewing = renewal;
      forget();
      around.channel?.postMessage("signed-out");
      // A renewal under way sets a new cookie: it comes first, so that the new one is ended too.
      await renewing?.catch(() => undefined);
      await around
        .fetch(apiUrl("/api/v1/auth/logout"), {
          method: "POST",
          credentials: CREDENTIALS,
          headers: bearer ? { Authorization: `Bearer ${bearer}` } : {},
        })
        .catch(() => undefined);
    },
    /** The server has ended the session by itself: an account that was deleted, a password that was changed. */
    ended(reason: string) {
      forget(reason);
      around.channel?.postMessage("signed-out");
    },
    updateUser(user: User) {
      if (state.status === "signed-in") set({ status: "signed-in", user });
    },
    token: () => token,
    refresh,
    /** A token that is still good for a while, renewed first when it is about to end. */
    async freshToken(): Promise<string | null> {
      return token && expiresAt - around.now() > EARLY_MS ? token : refresh();
    },
  };
}

async function exclusively<T>(work: () => Promise<T>): Promise<T> {
  if (!("locks" in navigator)) return work();
  return (await navigator.locks.request("custard-refresh", work)) as T;
}

export const session = createSession({
  fetch: (...args) => fetch(...args),
  exclusively,
  channel: "BroadcastChannel" in window ? new BroadcastChannel("custard-session") : null,
  now: () => Date.now(),
});
