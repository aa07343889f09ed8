// One error type for everything the API or the network can answer with; its message is always fit for a person.
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly details: unknown;

  constructor(status: number, code: string, message: string, details?: unknown) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

const UNREACHABLE = "The server could not be reached. Check that it is running, then try again.";

export function unreachable(): ApiError {
  return new ApiError(0, "unreachable", UNREACHABLE);
}

export function errorFromBody(status: number, body: unknown): ApiError {
  if (typeof body === "object" && body !== null && "error" in body) {
    const { error } = body;
    if (typeof error === "object" && error !== null && "message" in error) {
      const { message } = error;
      const code = "code" in error && typeof error.code === "string" ? error.code : "error";
      const details = "details" in error ? error.details : undefined;
      if (typeof message === "string") return new ApiError(status, code, message, details);
    }
  }
  return new ApiError(status, "error", fallbackSentence(status));
}

function fallbackSentence(status: number): string {
  if (status === 413) return "That is larger than the server accepts.";
  if (status === 429) return "Too many requests at once. Wait a moment, then try again.";
  if (status === 502 || status === 503 || status === 504)
    return "The server is not ready right now. Try again in a moment.";
  return `The server answered with status ${status} and no explanation. Try again; if it stays, look at the server's log.`;
}

export async function errorFromResponse(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => null);
  return errorFromBody(response.status, body);
}

export function toApiError(cause: unknown): ApiError {
  if (cause instanceof ApiError) return cause;
  if (cause instanceof TypeError) return unreachable();
  return new ApiError(0, "error", cause instanceof Error ? cause.message : String(cause));
}

export function isAbort(cause: unknown): boolean {
  return cause instanceof DOMException && cause.name === "AbortError";
}
