// The session: one renewal at a time, and what each answer of the server means.
import { describe, expect, it, vi } from "vitest";
import { createSession, type Surroundings } from "./session";

const opened = (token: string) => ({
  access_token: token,
  token_type: "bearer",
  expires_in: 900,
  user: {
    id: "u",
    email: "a@example.com",
    name: "A",
    role: "owner",
    organization: { id: "o", name: "O" },
  },
});

const json = (status: number, body: unknown) => new Response(JSON.stringify(body), { status });

function make(fetch: () => Promise<Response>, part: Partial<Surroundings> = {}) {
  const calls = vi.fn(fetch);
  const clock = { now: 0 };
  const session = createSession({
    fetch: calls as unknown as typeof globalThis.fetch,
    exclusively: (work) => work(),
    channel: null,
    now: () => clock.now,
    ...part,
  });
  return { session, calls, clock };
}

describe("session", () => {
  it("renews once for callers that come at the same time", async () => {
    let count = 0;
    const { session, calls } = make(() => Promise.resolve(json(200, opened(`t${++count}`))));
    const tokens = await Promise.all([session.refresh(), session.refresh(), session.freshToken()]);
    expect(tokens).toEqual(["t1", "t1", "t1"]);
    expect(calls).toHaveBeenCalledTimes(1);
    await session.refresh();
    expect(calls).toHaveBeenCalledTimes(2);
    expect(session.token()).toBe("t2");
  });

  it("keeps a token until shortly before its end", async () => {
    const { session, calls, clock } = make(() => Promise.resolve(json(200, opened("t"))));
    await session.start();
    clock.now = 800_000;
    await session.freshToken();
    expect(calls).toHaveBeenCalledTimes(1);
    clock.now = 890_000;
    await session.freshToken();
    expect(calls).toHaveBeenCalledTimes(2);
  });

  it("is signed out when the cookie is not accepted", async () => {
    const { session } = make(() =>
      Promise.resolve(json(401, { error: { code: "unauthorized", message: "Log in." } })),
    );
    await session.start();
    expect(session.current()).toEqual({ status: "signed-out" });
    expect(session.token()).toBeNull();
  });

  it("says why, when it ends under somebody's hands", async () => {
    let ended = false;
    const { session } = make(() =>
      Promise.resolve(
        ended
          ? json(401, { error: { code: "unauthorized", message: "Log in." } })
          : json(200, opened("t")),
      ),
    );
    await session.start();
    ended = true;
    await expect(session.refresh()).resolves.toBeNull();
    expect(session.current()).toEqual({
      status: "signed-out",
      reason: "Your session has ended. Log in again.",
    });
  });

  it("has no reason to give when somebody signs out", async () => {
    const { session } = make(() => Promise.resolve(json(200, opened("t"))));
    await session.start();
    await session.signOut();
    expect(session.current()).toEqual({ status: "signed-out" });
  });

  it("stays signed out while a renewal was under way, and ends the cookie that came with it", async () => {
    let answer: (response: Response) => void = () => undefined;
    const paths: string[] = [];
    const { session } = make(() => Promise.resolve(json(200, opened("t"))), {
      fetch: ((url: string) => {
        paths.push(url.split("/").at(-1) ?? "");
        if (paths.length !== 2) return Promise.resolve(json(200, opened("t")));
        return new Promise<Response>((resolve) => (answer = resolve));
      }) as unknown as typeof globalThis.fetch,
    });
    await session.start();
    const renewal = session.refresh();
    const leaving = session.signOut();
    answer(json(200, opened("u")));
    await expect(renewal).resolves.toBeNull();
    await leaving;
    expect(session.current()).toEqual({ status: "signed-out" });
    expect(session.token()).toBeNull();
    expect(paths).toEqual(["refresh", "refresh", "logout"]);
    // What was left over from before asks for nothing.
    await expect(session.freshToken()).resolves.toBeNull();
    expect(paths).toHaveLength(3);
  });

  it("follows a sign-in of another tab", async () => {
    const channel = { postMessage: vi.fn(), onmessage: null as null | ((e: MessageEvent) => void) };
    let known = false;
    const { session } = make(
      () => Promise.resolve(known ? json(200, opened("t")) : json(401, {})),
      { channel },
    );
    await session.start();
    expect(session.current().status).toBe("signed-out");
    known = true;
    channel.onmessage?.(new MessageEvent("message", { data: "signed-in" }));
    await vi.waitFor(() => expect(session.current().status).toBe("signed-in"));
  });

  it("stays signed in when the server is away for a moment", async () => {
    let away = false;
    const { session } = make(() =>
      away ? Promise.reject(new TypeError("failed")) : Promise.resolve(json(200, opened("t"))),
    );
    await session.start();
    away = true;
    await expect(session.refresh()).rejects.toThrow("could not be reached");
    expect(session.current().status).toBe("signed-in");
    away = false;
    await expect(session.refresh()).resolves.toBe("t");
  });

  it("says at the start that the server cannot be reached", async () => {
    const { session } = make(() => Promise.reject(new TypeError("failed")));
    await session.start();
    expect(session.current().status).toBe("unreachable");
  });

  it("renews inside the lock that the tabs share", async () => {
    const order: string[] = [];
    const { session } = make(
      () => {
        order.push("call");
        return Promise.resolve(json(200, opened("t")));
      },
      {
        exclusively: async (work) => {
          order.push("locked");
          const result = await work();
          order.push("released");
          return result;
        },
      },
    );
    await session.refresh();
    expect(order).toEqual(["locked", "call", "released"]);
  });

  it("follows a sign-out of another tab", async () => {
    const channel = { postMessage: vi.fn(), onmessage: null as null | ((e: MessageEvent) => void) };
    const { session } = make(() => Promise.resolve(json(200, opened("t"))), { channel });
    await session.start();
    channel.onmessage?.(new MessageEvent("message", { data: "signed-out" }));
    expect(session.current().status).toBe("signed-out");
    expect(session.token()).toBeNull();
  });
});
