import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { expect, it, vi } from "vitest";
import { connectionQuery } from "@/api/queries";
import type { Connection } from "@/api/types";
import { applyConnection } from "./use-live";

const offline = { id: "1", name: "Shop", agent: "offline", discovered_at: null } as Connection;
const online: Connection = { ...offline, agent: "online" };

it("keeps a pushed state when an older answer arrives after it", async () => {
  const client = new QueryClient();
  const answer: ((connection: Connection) => void)[] = [];
  const ask = vi.fn(() => new Promise<Connection>((resolve) => answer.push(resolve)));
  const watch = new QueryObserver<Connection>(client, {
    queryKey: connectionQuery("1").queryKey,
    queryFn: ask,
  });
  const stop = watch.subscribe(() => undefined);

  applyConnection(client, online);
  expect(watch.getCurrentResult().data?.agent).toBe("online");
  answer[0]?.(offline);
  await vi.waitFor(() => expect(ask).toHaveBeenCalledTimes(2));
  expect(watch.getCurrentResult().data?.agent).toBe("online");
  answer[1]?.(online);
  await vi.waitFor(() => expect(watch.getCurrentResult().isFetching).toBe(false));
  expect(watch.getCurrentResult().data?.agent).toBe("online");
  stop();
});
