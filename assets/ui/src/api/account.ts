// One's own account: coming in, the ways back in, and what keeps it safe.
import { queryOptions } from "@tanstack/react-query";
import { json } from "./client";
import type { Schemas, Session, User } from "./types";

export type AuthOptions = Schemas["LoginOptions"];
export type SignUp = Schemas["SignUpRequest"];
export type LogInRequest = Schemas["LoginRequest"];
export type OwnSession = Schemas["SessionBody"];
export type SecondFactor = Schemas["TotpBody"];
export type SecondFactorSecret = Schemas["TotpProposalBody"];
export type Invited = Schemas["InvitedBody"];

export const authOptionsQuery = queryOptions({
  queryKey: ["auth-options"],
  queryFn: () => json<AuthOptions>("GET", "/api/v1/auth/options"),
  staleTime: 60_000,
});

export const sessionsQuery = queryOptions({
  queryKey: ["account", "sessions"],
  queryFn: () => json<OwnSession[]>("GET", "/api/v1/auth/sessions"),
  staleTime: 0,
});

export const secondFactorQuery = queryOptions({
  queryKey: ["account", "totp"],
  queryFn: () => json<SecondFactor>("GET", "/api/v1/auth/totp"),
});

export const invitedQuery = (token: string) =>
  queryOptions({
    queryKey: ["invited", token],
    queryFn: () => json<Invited>("POST", "/api/v1/invitations/by-token", { token }),
    staleTime: Infinity,
  });

const post = <T>(path: string, body?: unknown) => json<T>("POST", `/api/v1/${path}`, body);

export const logIn = (body: LogInRequest) => post<Session>("auth/login", body);
export const signUp = (body: SignUp) => post<Schemas["SignUpResponse"]>("auth/signup", body);
export const verify = (token: string) => post<Session>("auth/verify", { token });
export const resendVerification = (email: string) => post("auth/resend-verification", { email });
export const forgotPassword = (email: string) => post("auth/forgot-password", { email });
export const resetPassword = (token: string, password: string) =>
  post("auth/reset-password", { token, password });
export const confirmEmail = (token: string) => post("auth/confirm-email", { token });
export const acceptInvitation = (body: { token: string; name: string; password: string }) =>
  post<Session>("invitations/accept", body);

export const readMe = () => json<User>("GET", "/api/v1/auth/me");
export const changePassword = (body: { current: string; new: string }) =>
  post("auth/change-password", body);
export const changeEmail = (body: { password: string; email: string }) =>
  post("auth/change-email", body);
export const deleteMe = (body: { password: string; delete_organization?: true }) =>
  json("DELETE", "/api/v1/auth/me", body);
export const endSession = (id: string) => json("DELETE", `/api/v1/auth/sessions/${id}`);

export const startSecondFactor = () => post<SecondFactorSecret>("auth/totp");
export const confirmSecondFactor = (code: string) =>
  post<Schemas["RecoveryCodes"]>("auth/totp/confirm", { code });
export const newRecoveryCodes = (code: string) =>
  post<Schemas["RecoveryCodes"]>("auth/totp/recovery-codes", { code });
export const endSecondFactor = (body: { password: string; code: string }) =>
  json("DELETE", "/api/v1/auth/totp", body);
