// Starts the real server for one test, on a port of its own and an empty data folder, and signs its owner in.
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test as base, expect, type Page } from "@playwright/test";

export const owner = {
  name: "Ada Lovelace",
  email: "ada@example.com",
  password: "correct horse battery",
  organization: "Lighthouse Dairy",
};

const READY = /ready at (http:\/\/[\d.]+:\d+)/;
const START_MS = 60_000;

interface Running {
  url: string;
  dataDir: string;
  stop: () => Promise<void>;
}

async function start(settings: Record<string, string>): Promise<Running> {
  const binary = process.env.CUSTARD_BIN;
  if (!binary)
    throw new Error(
      "Set CUSTARD_BIN to the path of the clean-custard binary to run the browser tests.",
    );
  const dataDir = mkdtempSync(join(tmpdir(), "custard-browser-"));
  const child = spawn(binary, ["server", "--listen", "127.0.0.1:0", "--data-dir", dataDir], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...settings },
  });
  const url = await readyAddress(child);
  return {
    url,
    dataDir,
    async stop() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), 5000);
      await ended;
      clearTimeout(late);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

function readyAddress(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    const fail = (why: string) => reject(new Error(`The server ${why}. It said:\n${said}`));
    const late = setTimeout(() => fail(`was not ready within ${START_MS / 1000} s`), START_MS);
    const listen = (bytes: Buffer) => {
      said += bytes.toString();
      const address = READY.exec(said)?.[1];
      if (!address) return;
      clearTimeout(late);
      resolve(address);
    };
    child.stdout?.on("data", listen);
    child.stderr?.on("data", listen);
    child.once("error", (cause) => fail(`could not be started: ${cause.message}`));
    child.once("exit", (code) => fail(`ended with status ${code}`));
  });
}

interface Fixtures {
  /** Settings of the server, as the environment gives them. */
  settings: Record<string, string>;
  running: Running;
  /** The link in the newest letter of this kind to this address; waits until there is one. */
  linkIn: (template: string, to: string) => Promise<string>;
  /** The address of a server that was just started and has no account yet. */
  server: string;
  /** A page of that server where the owner is signed in, on the dashboard. */
  app: Page;
}

export const test = base.extend<Fixtures>({
  settings: [{}, { option: true }],
  running: async ({ settings }, use) => {
    const running = await start(settings);
    await use(running);
    await running.stop();
  },
  server: async ({ running }, use) => use(running.url),
  linkIn: async ({ running }, use) => {
    await use(async (template, to) => {
      let link: string | null = null;
      await expect
        .poll(() => (link = newestLink(join(running.dataDir, "outbox"), template, to)), {
          timeout: START_MS,
        })
        .not.toBeNull();
      return link ?? "";
    });
  },
  baseURL: async ({ server }, use) => use(server),
  // Whatever a test does, the page must not want more than its content policy allows.
  page: async ({ page }, use) => {
    const violations: string[] = [];
    await page.exposeFunction("reportViolation", (what: string) => violations.push(what));
    await page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        // Whoever types over colored text in an editor has Chromium itself carry its color over, as an inline style
        // that the policy then blocks and the editor paints anew.
        const typed = event
          .composedPath()
          .some((node) => node instanceof Element && node.classList.contains("cm-content"));
        if (typed && event.effectiveDirective === "style-src-attr") return;
        const { reportViolation } = window as unknown as {
          reportViolation: (what: string) => void;
        };
        reportViolation(
          `${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber} ${event.sample}`,
        );
      });
    });
    await use(page);
    expect(violations, "violations of the content policy").toEqual([]);
  },
  app: async ({ page, server }, use) => {
    const answer = await page.request.post(`${server}/api/v1/setup`, {
      data: owner,
    });
    expect(answer.status(), await answer.text()).toBe(201);
    const problems: string[] = [];
    page.on("pageerror", (error) => problems.push(error.message));
    await page.goto("/");
    await expect(page.getByRole("heading", { name: "Hello, Ada" })).toBeVisible();
    await use(page);
    expect(problems, "errors in the page").toEqual([]);
  },
});

export { expect };

/** Letters lie in the outbox folder, since no mail server is configured. */
function newestLink(outbox: string, template: string, to: string): string | null {
  if (!existsSync(outbox)) return null;
  const names = readdirSync(outbox)
    .filter((name) => name.includes(`-${template}-`) && name.endsWith(".eml"))
    .sort()
    .reverse();
  for (const name of names) {
    const letter = readFileSync(join(outbox, name), "utf8");
    if (!letter.includes(to)) continue;
    // Long lines are broken with "=", and "=" itself is written "=3D".
    const text = letter.replace(/=\r?\n/g, "").replace(/=3D/g, "=");
    return /https?:\/\/\S+\?token=[\w-]+/.exec(text)?.[0] ?? null;
  }
  return null;
}

/** Fills the log-in form and sends it. */
export async function logIn(page: Page, email: string, password: string) {
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Log in", exact: true }).click();
}

export async function addSamples(page: Page) {
  await page.getByRole("button", { name: "Add sample data" }).first().click();
  await expect(page.getByText("The sample data is here")).toBeVisible();
}

export async function ask(page: Page, question: string) {
  await page.getByLabel("Your question").fill(question);
  await page.getByLabel("Your question").press("Enter");
  await expect(page.getByRole("region", { name: "Answer on its way" })).toHaveCount(0);
}
