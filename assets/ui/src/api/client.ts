// Typed calls to the API: attaches the access token, renews it once on 401, and turns every failure into an ApiError.
import createClient from "openapi-fetch";
import { saveBlob } from "@/lib/save";
import { API_ORIGIN, apiUrl, CREDENTIALS } from "./base";
import { errorFromBody, errorFromResponse, isAbort, toApiError } from "./error";
import type { paths } from "./schema";
import { session } from "./session";

/** What is asked without being somebody: a 401 from these is an answer, not an ended session. */
const OPEN_PATHS =
  /\/api\/v1\/(?:setup|auth\/(?:options|login|refresh|signup|verify|resend-verification|forgot-password|reset-password|confirm-email)|invitations\/(?:by-token|accept))$/;

/** What asks for one's password or code once more: a 401 says that it was wrong, and to send it again would count twice. */
const PROOF_PATHS = /\/api\/v1\/auth\/(?:change-password|change-email|totp(?:\/[\w-]+)?)$/;

function carriesProof({ method, url }: Request): boolean {
  const { pathname } = new URL(url);
  if (pathname.endsWith("/api/v1/auth/me")) return method === "DELETE";
  return method !== "GET" && PROOF_PATHS.test(pathname);
}

function withToken(request: Request, token: string | null): Request {
  if (token) request.headers.set("Authorization", `Bearer ${token}`);
  return request;
}

/** fetch with the session's token; a 401 renews the token and tries the same request once more. */
export async function authFetch(request: Request): Promise<Response> {
  if (OPEN_PATHS.test(new URL(request.url).pathname)) return fetch(request);
  const again = request.clone();
  const response = await fetch(withToken(request, await session.freshToken()));
  if (response.status !== 401 || carriesProof(again)) return response;
  const token = await session.refresh();
  return token ? fetch(withToken(again, token)) : response;
}

export const api = createClient<paths>({
  baseUrl: API_ORIGIN,
  credentials: CREDENTIALS,
  fetch: authFetch,
});

interface Outcome<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The body of a successful call, or a thrown ApiError. */
export async function unwrap<T>(call: Promise<Outcome<T>>): Promise<NonNullable<T>> {
  let outcome: Outcome<T>;
  try {
    outcome = await call;
  } catch (cause) {
    throw isAbort(cause) ? cause : toApiError(cause);
  }
  if (!outcome.response.ok) throw errorFromBody(outcome.response.status, outcome.error);
  return outcome.data as NonNullable<T>;
}

/** For calls that answer with no body. */
export async function finish(call: Promise<Outcome<unknown>>): Promise<void> {
  await unwrap(call);
}

/** A call whose shape the caller knows, for what the generated types do not describe yet. */
export async function json<T>(method: string, path: string, body?: unknown): Promise<T> {
  const request = new Request(apiUrl(path), {
    method,
    credentials: CREDENTIALS,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }),
  });
  let response: Response;
  try {
    response = await authFetch(request);
  } catch (cause) {
    throw toApiError(cause);
  }
  if (!response.ok) throw await errorFromResponse(response);
  const text = await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

/** Fetches a file with the session's token and hands it to the browser to save. */
export async function download(path: string, fileName: string): Promise<void> {
  let response: Response;
  try {
    response = await authFetch(new Request(apiUrl(path), { credentials: CREDENTIALS }));
  } catch (cause) {
    throw toApiError(cause);
  }
  if (!response.ok) throw await errorFromResponse(response);
  saveBlob(fileName, await response.blob());
}
