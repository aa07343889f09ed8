// A real PostgreSQL in a temp folder, reached by its socket only, and a real agent beside it.
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { APIRequestContext } from "@playwright/test";
import { expect, test as base } from "./server";

const PORT = "5432";
const START_MS = 60_000;

/** A shop whose names, keys, comments and labels a schema browser has something to show of. */
const SHOP = `
CREATE ROLE readonly_user LOGIN;
CREATE TYPE order_state AS ENUM ('open', 'paid', 'sent');
CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, email text UNIQUE, joined date);
COMMENT ON TABLE customers IS 'Everybody who ever bought something';
CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL REFERENCES customers,
  state order_state NOT NULL, total numeric(10,2), placed_at timestamptz);
COMMENT ON COLUMN orders.total IS 'With tax';
CREATE VIEW paid_orders AS SELECT * FROM orders WHERE state = 'paid';
CREATE VIEW slow_report AS SELECT 1 AS done FROM pg_sleep(60);
INSERT INTO customers SELECT n, 'Customer ' || n, 'c' || n || '@example.com', date '2024-01-01' + n
  FROM generate_series(1, 400) n;
INSERT INTO orders SELECT n, 1 + n % 400, (ARRAY['open', 'paid', 'sent'])[1 + n % 3]::order_state,
  n % 90 + 0.5, timestamptz '2025-01-01' + n * interval '1 hour' FROM generate_series(1, 4000) n;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO readonly_user;
ANALYZE;
`;

export interface Database {
  /** The folder of its socket, which stands for the host. */
  host: string;
  psql: (script: string) => void;
}

export interface Agent {
  /** Ends it as a crash would: no word of parting. */
  kill: () => void;
  /** What it said so far. */
  said: () => string;
}

export interface Made {
  id: string;
  api_key: string;
  websocket_url: string;
}

export const test = base.extend<
  { connect: (name: string) => Promise<Made>; agentOf: (made: Made, role?: string) => Agent },
  { database: Database }
>({
  database: [
    // eslint-disable-next-line no-empty-pattern -- Playwright reads the pattern to find what a fixture needs
    async ({}, use) => {
      const { database, stop } = await startDatabase();
      await use(database);
      await stop();
    },
    { scope: "worker", timeout: 2 * START_MS },
  ],
  connect: async ({ app }, use) => {
    await use((name) => createConnection(app.request, name));
  },
  agentOf: async ({ database }, use) => {
    const running: Agent[] = [];
    await use((made, role = "readonly_user") => {
      const agent = startAgent(made, database, role);
      running.push(agent);
      return agent;
    });
    for (const agent of running) agent.kill();
  },
});

export { expect };

/** The header that says who is signed in, for requests beside the page. */
export async function signedIn(request: APIRequestContext) {
  const session = await request.post("/api/v1/auth/refresh");
  const { access_token } = (await session.json()) as { access_token: string };
  return { Authorization: `Bearer ${access_token}` };
}

async function createConnection(request: APIRequestContext, name: string): Promise<Made> {
  const answer = await request.post("/api/v1/connections", {
    headers: await signedIn(request),
    data: { name, db_type: "POSTGRESQL" },
  });
  expect(answer.status(), await answer.text()).toBe(201);
  return (await answer.json()) as Made;
}

function startAgent(made: Made, database: Database, role: string): Agent {
  const binary = process.env.CUSTARD_BIN ?? "";
  const child = spawn(binary, ["agent"], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env.PATH,
      BACKEND_WEBSOCKET_URI: made.websocket_url,
      CUSTARD_AGENT_KEY: made.api_key,
      DB_HOST: database.host,
      DB_PORT: PORT,
      DB_NAME: "shop",
      DB_USER: role,
    },
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (bytes: Buffer) => (said += bytes.toString()));
  return { kill: () => void child.kill("SIGKILL"), said: () => said };
}

async function startDatabase() {
  const bin = binaries();
  const dir = mkdtempSync(join(tmpdir(), "custard-browser-pg-"));
  const owner = unprivileged();
  // The agent may be another user than the database.
  chmodSync(dir, 0o755);
  if (owner) chownSync(dir, owner.uid, owner.gid);
  const options = { cwd: dir, env: { PATH: process.env.PATH, LC_ALL: "C.UTF-8" }, ...owner };
  const data = join(dir, "data");
  execFileSync(
    join(bin, "initdb"),
    ["-D", data, "-U", "admin", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"],
    { ...options, stdio: "pipe" },
  );
  const settings = ["listen_addresses=", "fsync=off", "full_page_writes=off"];
  const server = spawn(
    join(bin, "postgres"),
    ["-D", data, "-k", dir, "-p", PORT, ...settings.flatMap((setting) => ["-c", setting])],
    { ...options, stdio: ["ignore", "pipe", "pipe"] },
  );
  const psql = (name: string, script: string) =>
    execFileSync(
      join(bin, "psql"),
      ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", dir, "-p", PORT, "-U", "admin", "-d", name],
      { ...options, input: script, stdio: "pipe" },
    );
  await ready(server, () => psql("postgres", "SELECT 1"));
  psql("postgres", "CREATE DATABASE shop");
  psql("shop", SHOP);
  const database: Database = { host: dir, psql: (script) => void psql("shop", script) };
  return {
    database,
    async stop() {
      const ended = new Promise((resolve) => server.once("exit", resolve));
      server.kill("SIGQUIT");
      await ended;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function ready(server: ChildProcess, probe: () => void) {
  let said = "";
  server.stderr?.on("data", (bytes: Buffer) => (said += bytes.toString()));
  server.stdout?.resume();
  const late = Date.now() + START_MS;
  for (;;) {
    try {
      return probe();
    } catch (cause) {
      if (Date.now() > late || server.exitCode !== null)
        throw new Error(`PostgreSQL did not start. It said:\n${said}`, { cause });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

function binaries(): string {
  const root = "/usr/lib/postgresql";
  const versions = existsSync(root) ? readdirSync(root) : [];
  const folders = versions
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(root, version, "bin"))
    .concat((process.env.PATH ?? "").split(":"));
  const found = folders.find((folder) =>
    ["initdb", "postgres", "psql"].every((name) => existsSync(join(folder, name))),
  );
  if (!found)
    throw new Error(
      "The browser tests need a PostgreSQL server (initdb, postgres, psql). Install it, on Debian with: apt-get install postgresql",
    );
  return found;
}

/** PostgreSQL refuses to run as root: as root, the user to use instead. */
function unprivileged(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const number = (flag: string) =>
    Number(execFileSync("id", [flag, "postgres"], { stdio: "pipe" }).toString());
  return { uid: number("-u"), gid: number("-g") };
}
