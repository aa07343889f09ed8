/// <reference types="vite/client" />
interface ImportMetaEnv {
  readonly VITE_API_BASE_URL?: string;
}

/** Filled in by vite.config.ts from the server's API document. */
declare const CONNECTION_KINDS: readonly string[];
