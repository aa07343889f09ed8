// One's own account: coming in, the ways back in, and what keeps it safe.
import { queryOptions } from "@tanstack/react-query";
import { json } from "./client";
import type { Role, Session, User } from "./types";

export interface AuthOptions {
  sign_up: "open" | "invitation" | "domain" | "closed";
  domains: string[];
  oidc: { id: string; name: string }[];
  password_min: number;
  email_verification: boolean;
}

export interface SignUp {
  email: string;
  name: string;
  password: string;
  organization?: string;
}

export interface LogInRequest {
  email: string;
  password: string;
  code?: string;
}

export interface OwnSession {
  id: string;
  created_at: string;
  last_used_at: string;
  ip: string | null;
  user_agent: string | null;
  current: boolean;
}

export interface SecondFactor {
  enabled: boolean;
  recovery_codes_left: number;
}

export interface SecondFactorSecret {
  secret: string;
  otpauth_url: string;
  qr_svg: string;
}

export interface Invited {
  email: string;
  organization: string;
  role: Role;
  invited_by: string;
  expires_at: string;
}

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
export const signUp = (body: SignUp) =>
  post<{ status: "verification_sent" | "created" }>("auth/signup", body);
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
  post<{ recovery_codes: string[] }>("auth/totp/confirm", { code });
export const newRecoveryCodes = (code: string) =>
  post<{ recovery_codes: string[] }>("auth/totp/recovery-codes", { code });
export const endSecondFactor = (body: { password: string; code: string }) =>
  json("DELETE", "/api/v1/auth/totp", body);
