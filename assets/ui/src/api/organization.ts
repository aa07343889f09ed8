// The organisation: its people, who is invited, who may see which source, and the tokens of scripts.
import { queryOptions } from "@tanstack/react-query";
import { json } from "./client";
import type { Role, Schemas } from "./types";

export type Member = Schemas["MemberBody"];
export type Invitation = Schemas["InvitationBody"];
export type Access = Schemas["AccessBody"];
export type SourceKind = "connections" | "files";
export type Scope = Schemas["Scope"];
export const scopes: readonly Scope[] = ["read", "ask", "write", "admin"];

export type ApiToken = Schemas["TokenBody"];
export type NewToken = Schemas["TokenRequest"];

export const membersQuery = queryOptions({
  queryKey: ["members"],
  queryFn: () => json<Member[]>("GET", "/api/v1/members"),
});

export const invitationsQuery = queryOptions({
  queryKey: ["invitations"],
  queryFn: () => json<Invitation[]>("GET", "/api/v1/invitations"),
});

export const tokensQuery = queryOptions({
  queryKey: ["tokens"],
  queryFn: () => json<ApiToken[]>("GET", "/api/v1/tokens"),
});

export const accessQuery = (kind: SourceKind, id: string) =>
  queryOptions({
    queryKey: [kind, id, "access"],
    queryFn: () => json<Access>("GET", `/api/v1/${kind}/${id}/access`),
    staleTime: 0,
  });

export const renameOrganization = (name: string) =>
  json<{ id: string; name: string }>("PATCH", "/api/v1/organization", { name });
export const setRole = (id: string, role: Role) =>
  json<Member>("PATCH", `/api/v1/members/${id}`, { role });
export const removeMember = (id: string) => json("DELETE", `/api/v1/members/${id}`);
export const invite = (body: { email: string; role: Role }) =>
  json<Invitation>("POST", "/api/v1/invitations", body);
export const withdrawInvitation = (id: string) => json("DELETE", `/api/v1/invitations/${id}`);
export const resendInvitation = (id: string) =>
  json<Invitation>("POST", `/api/v1/invitations/${id}/resend`);
export const setAccess = (kind: SourceKind, id: string, access: Access) =>
  json<Access>("PUT", `/api/v1/${kind}/${id}/access`, access);
export const makeToken = (body: NewToken) => json<ApiToken>("POST", "/api/v1/tokens", body);
export const revokeToken = (id: string) => json("DELETE", `/api/v1/tokens/${id}`);
