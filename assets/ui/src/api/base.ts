// Where the API lives: the same host by default, another one when built with VITE_API_BASE_URL.
const configured = (import.meta.env.VITE_API_BASE_URL ?? "").replace(/\/+$/, "");

export const API_ORIGIN: string = configured || window.location.origin;
export const CREDENTIALS: RequestCredentials = configured ? "include" : "same-origin";

export function apiUrl(path: string): string {
  return `${API_ORIGIN}${path}`;
}

export function socketUrl(path: string): string {
  return `${API_ORIGIN.replace(/^http/, "ws")}${path}`;
}
