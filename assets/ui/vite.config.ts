// How the UI is built and served in development; the finished build lands in dist/ and is embedded by the server.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { precompress } from "./build/precompress.ts";

const backend = process.env.CUSTARD_DEV_BACKEND ?? "http://127.0.0.1:8080";

/** The kinds of database that the server of this build can connect, as its API document names them. */
const document = JSON.parse(readFileSync(new URL("./openapi.json", import.meta.url), "utf8")) as {
  components: { schemas: { Kind: { enum: string[] } } };
};

export default defineConfig({
  define: { CONNECTION_KINDS: JSON.stringify(document.components.schemas.Kind.enum) },
  plugins: [react(), tailwindcss(), precompress()],
  resolve: {
    alias: {
      "@": fileURLToPath(new URL("./src", import.meta.url)),
      "react-style-singleton": fileURLToPath(
        new URL("./src/lib/style-singleton.ts", import.meta.url),
      ),
    },
  },
  build: {
    target: "es2022",
    // The server's content policy allows no data: fonts or scripts, so nothing is inlined.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 900,
  },
  server: {
    host: "127.0.0.1",
    port: 5173,
    proxy: {
      "/api": { target: backend, ws: true, changeOrigin: false },
      "/health": { target: backend },
      "/ready": { target: backend },
      "/status": { target: backend },
      "/production-readiness": { target: backend },
    },
  },
  test: {
    environment: "jsdom",
    setupFiles: ["./src/test-setup.ts"],
    include: ["src/**/*.test.{ts,tsx}"],
    restoreMocks: true,
    // A busy machine is no failure: the limit only ends what hangs.
    testTimeout: 60_000,
  },
});
