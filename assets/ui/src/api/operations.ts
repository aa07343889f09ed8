// How the server is doing and what was done: audit, health, mail.
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { json } from "./client";

export interface AuditEntry {
  id: string;
  at: string;
  actor_id: string | null;
  actor: string;
  action: string;
  target_kind: string;
  target_id: string;
  details: Record<string, unknown>;
  ip: string | null;
}

export interface AuditFilter {
  actor?: string;
  action?: string;
  target?: string;
  from?: string;
  to?: string;
}

export interface LastError {
  message: string;
  at: string;
}

export interface CacheState {
  name: string;
  entries: number;
  bytes: number | null;
  hits: number | null;
  misses: number | null;
}

export interface SystemStatus {
  version: string;
  uptime_seconds: number;
  store: {
    kind: string;
    pool: { size: number; in_use: number };
    ok: boolean;
    last_error: LastError | null;
  };
  storage: { kind: string; ok: boolean; last_error: LastError | null };
  mail?: {
    kind: string;
    ok: boolean;
    queued: number;
    failed: number;
    last_error: LastError | null;
  };
  model: {
    kind: string;
    model: string | null;
    base_url: string | null;
    ok: boolean | null;
    last_error: LastError | null;
  };
  bus: { kind: string; ok: boolean };
  agents: { online: number; connections: number };
  queues: { name: string; depth: number }[];
  caches: CacheState[];
  memory: { rss_bytes: number | null };
}

export interface Readiness {
  ready: boolean;
  items: {
    code: string;
    severity: "info" | "warning" | "error";
    setting: string;
    message: string;
    remedy: string;
  }[];
}

export interface OutgoingMail {
  id: string;
  to: string;
  template: string | null;
  state: "waiting" | "sent" | "failed";
  attempts: number;
  next_try_at: string | null;
  last_error: string | null;
  created_at: string;
  finished_at: string | null;
}

export interface OutgoingMailPage {
  kind: "smtp" | "outbox";
  place: string;
  items: OutgoingMail[];
  next: string | null;
}

export interface MailTest {
  ok: boolean;
  steps: { step: string; ok: boolean; message: string }[];
}

/** What an organisation sets for itself; null as the server is configured, or for ever. */
export interface Preferences {
  audit_days: number | null;
  result_days: number | null;
  trace_questions: boolean;
  trace_rows: boolean;
}

const PAGE = 50;

/** What is empty is left out. */
export function auditParams(filter: AuditFilter): URLSearchParams {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(filter)) if (value) params.set(name, value as string);
  return params;
}

export const auditQuery = (filter: AuditFilter) =>
  infiniteQueryOptions({
    queryKey: ["audit", filter],
    queryFn: ({ pageParam }) => {
      const params = auditParams(filter);
      params.set("limit", String(PAGE));
      if (pageParam) params.set("cursor", pageParam);
      return json<{ items: AuditEntry[]; next: string | null }>(
        "GET",
        `/api/v1/audit?${params.toString()}`,
      );
    },
    initialPageParam: "",
    getNextPageParam: (page) => page.next,
    staleTime: 0,
  });

export const systemStatusQuery = queryOptions({
  queryKey: ["system", "status"],
  queryFn: () => json<SystemStatus>("GET", "/status"),
  refetchInterval: 10_000,
});

export const readinessQuery = queryOptions({
  queryKey: ["system", "readiness"],
  queryFn: () => json<Readiness>("GET", "/production-readiness"),
});

export const outgoingMailQuery = queryOptions({
  queryKey: ["system", "mail"],
  queryFn: () => json<OutgoingMailPage>("GET", "/api/v1/mail/outgoing"),
  refetchInterval: 15_000,
});

export const changePreferences = (change: Partial<Preferences>) =>
  json<Preferences>("PATCH", "/api/v1/settings", change);
export const testMail = () => json<MailTest>("POST", "/api/v1/settings/mail/test");
