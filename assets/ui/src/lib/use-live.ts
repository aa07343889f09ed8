// Feeds the live socket's messages into the query cache, so every screen shows the present state.
import { useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { openLive, type LiveMessage, type LiveState } from "@/api/live";
import { readMe } from "@/api/account";
import { connectionQuery, connectionsQuery } from "@/api/queries";
import { session } from "@/api/session";
import type { Connection } from "@/api/types";

export function useLive(): LiveState {
  const client = useQueryClient();
  const [state, setState] = useState<LiveState>("connecting");
  useEffect(() => openLive((message) => apply(client, message), setState), [client]);
  return state;
}

function apply(client: QueryClient, message: LiveMessage) {
  switch (message.type) {
    case "ready":
      // What happened while the socket was away is read anew.
      void client.invalidateQueries({ queryKey: ["connections"] });
      void client.invalidateQueries({ queryKey: ["files"] });
      void client.invalidateQueries({ queryKey: ["status"] });
      return;
    case "connection":
      return applyConnection(client, message.connection);
    case "connection_removed":
      void client.invalidateQueries({ queryKey: ["connections"] });
      return;
    case "schema":
      void client.invalidateQueries({ queryKey: ["connections", message.connection_id] });
      return;
    case "files":
      void client.invalidateQueries({ queryKey: ["files"] });
      void client.invalidateQueries({ queryKey: ["samples"] });
      return;
    case "account":
      // Another role sees other things, and perhaps other sources.
      void readMe().then(session.updateUser, () => undefined);
      void client.invalidateQueries();
      return;
    case "query":
      void client.invalidateQueries({ queryKey: ["status"] });
      void client.invalidateQueries({
        predicate: ({ queryKey }) => queryKey[0] === "connections" && queryKey[2] === "queries",
      });
      if (message.state === "done") void client.invalidateQueries({ queryKey: ["queries"] });
      return;
  }
}

/** Takes a pushed state of a connection over into what the screens show. */
export function applyConnection(client: QueryClient, connection: Connection) {
  const before = client.getQueryData(connectionQuery(connection.id).queryKey);
  client.setQueryData(connectionQuery(connection.id).queryKey, connection);
  client.setQueryData(connectionsQuery.queryKey, (list) =>
    list?.map((item) => (item.id === connection.id ? connection : item)),
  );
  // An answer that is on its way may be older than this message, and would take its place: ask again.
  for (const { queryKey } of [connectionQuery(connection.id), connectionsQuery])
    if (client.isFetching({ queryKey, exact: true }) > 0)
      void client.invalidateQueries({ queryKey, exact: true });
  void client.invalidateQueries({ queryKey: ["connections", connection.id, "status"] });
  if (before?.discovered_at !== connection.discovered_at)
    void client.invalidateQueries({ queryKey: ["connections", connection.id, "schema"] });
  void client.invalidateQueries({ queryKey: ["status"] });
}
