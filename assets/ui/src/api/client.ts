// Typed calls to the API: attaches the access token, renews it once on 401, and turns every failure into an ApiError.
import createClient from "openapi-fetch";
import { API_ORIGIN, apiUrl, CREDENTIALS } from "./base";
import { errorFromBody, errorFromResponse, isAbort, toApiError } from "./error";
import type { paths } from "./schema";
import { session } from "./session";

const OPEN_PATHS = /\/api\/v1\/(?:setup$|auth\/(?:login|refresh|signup)$)/;

function withToken(request: Request, token: string | null): Request {
  if (token) request.headers.set("Authorization", `Bearer ${token}`);
  return request;
}

/** fetch with the session's token; a 401 renews the token and tries the same request once more. */
export async function authFetch(request: Request): Promise<Response> {
  if (OPEN_PATHS.test(new URL(request.url).pathname)) return fetch(request);
  const again = request.clone();
  const response = await fetch(withToken(request, await session.freshToken()));
  if (response.status !== 401) return response;
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

/** Fetches a file with the session's token and hands it to the browser to save. */
export async function download(path: string, fileName: string): Promise<void> {
  let response: Response;
  try {
    response = await authFetch(new Request(apiUrl(path), { credentials: CREDENTIALS }));
  } catch (cause) {
    throw toApiError(cause);
  }
  if (!response.ok) throw await errorFromResponse(response);
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = url;
  link.download = fileName;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
