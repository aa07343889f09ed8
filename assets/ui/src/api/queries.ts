// Everything the screens read from the server, as TanStack Query options: one key and one call per noun.
import { QueryClient, queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import { ApiError } from "./error";
import type { Analysis, AnalysisMethod, Settings } from "./types";

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      retry: (count, error) =>
        count < 2 && error instanceof ApiError && (error.status === 0 || error.status >= 502),
      refetchOnWindowFocus: true,
    },
    mutations: { retry: false },
  },
});

export const setupQuery = queryOptions({
  queryKey: ["setup"],
  queryFn: () => unwrap(api.GET("/api/v1/setup")),
  staleTime: 0,
});

export const filesQuery = queryOptions({
  queryKey: ["files"],
  queryFn: async () => (await unwrap(api.GET("/api/v1/files"))).files,
});

export const fileQuery = (id: string) =>
  queryOptions({
    queryKey: ["files", id],
    queryFn: () => unwrap(api.GET("/api/v1/files/{id}", { params: { path: { id } } })),
  });

export const previewQuery = (id: string, table: string) =>
  queryOptions({
    queryKey: ["files", id, "preview", table],
    queryFn: () =>
      unwrap(
        api.GET("/api/v1/files/{id}/preview", {
          params: { path: { id }, query: { table, limit: 100 } },
        }),
      ),
    staleTime: 60_000,
  });

export const profileQuery = (id: string, table: string) =>
  queryOptions({
    queryKey: ["files", id, "profile", table],
    queryFn: () =>
      unwrap(api.GET("/api/v1/files/{id}/profile", { params: { path: { id }, query: { table } } })),
    staleTime: 60_000,
  });

export const reportQuery = (id: string, table: string) =>
  queryOptions({
    queryKey: ["files", id, "report", table],
    queryFn: () =>
      unwrap(api.GET("/api/v1/files/{id}/report", { params: { path: { id }, query: { table } } })),
    staleTime: 60_000,
  });

export const samplesQuery = queryOptions({
  queryKey: ["samples"],
  queryFn: () => unwrap(api.GET("/api/v1/samples")),
});

export const connectionsQuery = queryOptions({
  queryKey: ["connections"],
  queryFn: async () => (await unwrap(api.GET("/api/v1/connections"))).connections,
});

export const connectionQuery = (id: string) =>
  queryOptions({
    queryKey: ["connections", id],
    queryFn: () => unwrap(api.GET("/api/v1/connections/{id}", { params: { path: { id } } })),
  });

/** The connection's state with its agents, each of them. */
export const connectionStatusQuery = (id: string) =>
  queryOptions({
    queryKey: ["connections", id, "status"],
    queryFn: () => unwrap(api.GET("/api/v1/connections/{id}/status", { params: { path: { id } } })),
  });

/** The queries that run at the connection's agents. */
export const runningQuery = (id: string) =>
  queryOptions({
    queryKey: ["connections", id, "queries"],
    queryFn: async () =>
      (await unwrap(api.GET("/api/v1/connections/{id}/queries", { params: { path: { id } } })))
        .queries,
    staleTime: 0,
  });

export const schemaQuery = (id: string) =>
  queryOptions({
    queryKey: ["connections", id, "schema"],
    queryFn: () => unwrap(api.GET("/api/v1/connections/{id}/schema", { params: { path: { id } } })),
  });

export const answersQuery = (kept: boolean | null, limit: number) =>
  queryOptions({
    queryKey: ["queries", { kept, limit }],
    queryFn: async () =>
      (
        await unwrap(
          api.GET("/api/v1/query", {
            params: { query: kept === null ? { limit } : { kept, limit } },
          }),
        )
      ).queries,
  });

export const conversationsQuery = queryOptions({
  queryKey: ["conversations"],
  queryFn: async () =>
    (await unwrap(api.GET("/api/v1/conversations", { params: { query: { limit: 30 } } })))
      .conversations,
});

export const conversationQuery = (id: string) =>
  queryOptions({
    queryKey: ["conversations", id],
    queryFn: () => unwrap(api.GET("/api/v1/conversations/{id}", { params: { path: { id } } })),
    staleTime: 0,
  });

/** Rows of one page of a stored result. */
export const RESULT_PAGE = 1000;

export const resultPageQuery = (id: string, page: number) =>
  queryOptions({
    queryKey: ["results", id, page],
    queryFn: () =>
      unwrap(
        api.GET("/api/v1/results/{id}", {
          params: { path: { id }, query: { offset: page * RESULT_PAGE, limit: RESULT_PAGE } },
        }),
      ),
    staleTime: Infinity,
  });

/** Which analyses the rows of a stored result allow. */
export const analysesQuery = (id: string) =>
  queryOptions({
    queryKey: ["results", id, "analyses"],
    queryFn: () => unwrap(api.GET("/api/v1/results/{id}/analyses", { params: { path: { id } } })),
    staleTime: Infinity,
  });

export const analysisQuery = (id: string, method: AnalysisMethod, column: string | null) =>
  queryOptions({
    queryKey: ["results", id, "analyse", method, column],
    queryFn: async () =>
      (await unwrap(
        api.POST("/api/v1/results/{id}/analyse", {
          params: { path: { id } },
          body: { method, column },
        }),
      )) as Analysis,
    staleTime: Infinity,
  });

export const statusQuery = queryOptions({
  queryKey: ["status"],
  queryFn: () => unwrap(api.GET("/api/v1/status")),
});

export const settingsQuery = queryOptions({
  queryKey: ["settings"],
  queryFn: async () => (await unwrap(api.GET("/api/v1/settings"))) as Settings,
});
