// How the server is doing and what was done: audit, health, mail.
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { json } from "./client";
import type { Schemas } from "./types";

export type AuditEntry = Schemas["AuditItem"];

export interface AuditFilter {
  actor?: string;
  action?: string;
  target?: string;
  from?: string;
  to?: string;
}

export type LastError = Schemas["LastError"];
export type CacheState = Schemas["CacheStatus"];
export type SystemStatus = Schemas["SystemStatus"];
export type Readiness = Schemas["Readiness"];
export type OutgoingMail = Schemas["OutgoingMailBody"];
export type OutgoingMailPage = Schemas["OutgoingMailList"];
export type MailTest = Schemas["MailTest"];

/** What an organisation sets for itself; null as the server is configured, or for ever. */
export type Preferences = Schemas["Preferences"];

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
      return json<Schemas["AuditPage"]>("GET", `/api/v1/audit?${params.toString()}`);
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
