// What keeps an account safe: the second factor, sessions that can be ended, API tokens, and the audit log of it all.
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Page } from "@playwright/test";
import { expect, logIn, owner, test } from "./server";

const STEP_SECONDS = 30;

/** What an authenticator app shows in the given step from now. */
function codeOf(secret: string, steps = 0): string {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret.replace(/[\s=]/g, "")]
    .map((letter) => letters.indexOf(letter).toString(2).padStart(5, "0"))
    .join("");
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 1000 / STEP_SECONDS) + steps));
  const digest = createHmac("sha1", key).update(counter).digest();
  const at = (digest.at(-1) ?? 0) & 15;
  return String((digest.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

async function switchOn(app: Page): Promise<{ secret: string; codes: string[] }> {
  await app.goto("/settings/security");
  await app.getByRole("button", { name: "Switch on" }).click();
  const dialog = app.getByRole("dialog", { name: "Switch on the second factor" });
  await expect(dialog.getByRole("img", { name: "QR code with the secret" })).toBeVisible();
  const secret = await dialog.getByLabel("Secret", { exact: true }).innerText();
  await dialog.getByLabel("Code", { exact: true }).fill("000000");
  await dialog.getByRole("button", { name: "Switch on" }).click();
  await expect(dialog.getByRole("alert")).toContainText(/\w+ \w+ \w+/);
  await dialog.getByLabel("Code", { exact: true }).fill(codeOf(secret));
  await dialog.getByRole("button", { name: "Switch on" }).click();
  const shown = app.getByRole("list", { name: "Recovery codes" });
  await expect(shown).toBeVisible();
  const codes = await shown.getByRole("listitem").allInnerTexts();
  return { secret, codes };
}

test("the second factor is asked for, and a recovery code takes its place once", async ({
  app,
}) => {
  const { secret, codes } = await switchOn(app);
  expect(codes.length).toBeGreaterThan(4);
  const saving = app.waitForEvent("download");
  await app.getByRole("button", { name: "Save as a file" }).click();
  expect(readFileSync(await (await saving).path(), "utf8")).toContain(codes[0]);
  await app.getByRole("button", { name: "I have kept them" }).click();
  await expect(app.getByText(`${codes.length} recovery codes left`)).toBeVisible();

  await app.getByRole("button", { name: "Sign out" }).click();
  await logIn(app, owner.email, owner.password);
  await expect(app.getByRole("heading", { name: "One more step" })).toBeVisible();
  await expect(app.getByLabel("Code", { exact: true })).toBeFocused();
  await app.getByLabel("Code", { exact: true }).fill("000000");
  await app.keyboard.press("Enter");
  await expect(app.getByRole("alert")).toContainText(/\w+ \w+ \w+/);
  // The code of this step was used up when the factor was switched on; the next one counts as well.
  await app.getByLabel("Code", { exact: true }).fill(codeOf(secret, 1));
  await app.keyboard.press("Enter");
  await expect(app.getByRole("heading", { name: "Settings", level: 1 })).toBeVisible();

  for (const [attempt, message] of [
    [codes[0], null],
    [codes[0], /\w+ \w+ \w+/],
  ] as const) {
    await app.getByRole("button", { name: "Sign out" }).click();
    await logIn(app, owner.email, owner.password);
    await app.getByRole("button", { name: "Use a recovery code instead" }).click();
    await app.getByLabel("Recovery code").fill(attempt ?? "");
    await app.keyboard.press("Enter");
    if (message) await expect(app.getByRole("alert")).toContainText(message);
    else await expect(app.getByRole("heading", { name: "Settings", level: 1 })).toBeVisible();
  }
});

test("the second factor is switched off with password and code", async ({ app }) => {
  const { codes } = await switchOn(app);
  await app.getByRole("button", { name: "I have kept them" }).click();
  await app.getByRole("button", { name: "Switch off" }).click();
  const dialog = app.getByRole("dialog");
  await dialog.getByLabel("Your password").fill(owner.password);
  await dialog.getByLabel(/Code/).fill(codes[1] ?? "");
  await dialog.getByRole("button", { name: "Switch off" }).click();
  await expect(app.getByText("The second factor is off.")).toBeVisible();
  await app.getByRole("button", { name: "Sign out" }).click();
  await logIn(app, owner.email, owner.password);
  await expect(app.getByRole("heading", { name: "Settings", level: 1 })).toBeVisible();
});

test("a session ended elsewhere is thrown out at once, with a sentence", async ({
  app,
  browser,
  server,
}) => {
  const context = await browser.newContext({ baseURL: server, userAgent: "Elsewhere/1.0" });
  const other = await context.newPage();
  await other.goto("/files");
  await logIn(other, owner.email, owner.password);
  await expect(other.getByRole("heading", { name: "Files", level: 1 })).toBeVisible();

  await app.goto("/settings/security");
  const sessions = app.getByRole("region", { name: "Sessions" });
  await expect(sessions.getByRole("listitem")).toHaveCount(2);
  await expect(sessions.getByText("This one")).toHaveCount(1);
  await app.getByRole("button", { name: "End the session of Elsewhere/1.0" }).click();
  await app.getByRole("dialog").getByRole("button", { name: "End the session" }).click();
  await expect(sessions.getByRole("listitem")).toHaveCount(1);
  await expect(other.getByText("Your session has ended. Log in again.")).toBeVisible();
  await logIn(other, owner.email, owner.password);
  await expect(other.getByRole("heading", { name: "Files", level: 1 })).toBeVisible();
});

test("a changed password ends the other sessions and is the one to log in with", async ({
  app,
  browser,
  server,
}) => {
  const other = await (await browser.newContext({ baseURL: server })).newPage();
  await other.goto("/");
  await logIn(other, owner.email, owner.password);
  await expect(other.getByRole("heading", { name: "Hello, Ada" })).toBeVisible();
  await app.goto("/settings/security");
  await app.getByLabel("Present password").fill("not the password");
  await app.getByLabel("New password").fill("a new and better one");
  await app.getByRole("button", { name: "Change the password" }).click();
  await expect(app.getByRole("alert")).toContainText(/\w+ \w+ \w+/);
  await app.getByLabel("Present password").fill(owner.password);
  await app.getByRole("button", { name: "Change the password" }).click();
  await expect(app.getByText("Your password was changed.")).toBeVisible();
  await expect(other.getByText("Your session has ended.")).toBeVisible();
  await logIn(other, owner.email, "a new and better one");
  await expect(other.getByRole("heading", { name: "Hello, Ada" })).toBeVisible();
});

test("an API token is shown once, works, and stops when revoked", async ({ app, server }) => {
  await app.goto("/settings/tokens");
  await app.getByRole("button", { name: "New token" }).click();
  const dialog = app.getByRole("dialog");
  await dialog.getByLabel("Name").fill("Nightly report");
  await dialog.getByRole("button", { name: "Create" }).click();
  const token = (await app.getByRole("group", { name: "API token" }).innerText()).trim();
  expect(token).toMatch(/^cct_/);
  await app.getByRole("button", { name: "I have copied it" }).click();
  await expect(app.getByText(token)).toHaveCount(0);

  const files = () =>
    fetch(`${server}/api/v1/files`, { headers: { Authorization: `Bearer ${token}` } });
  expect((await files()).status).toBe(200);
  const written = await fetch(`${server}/api/v1/samples`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}` },
  });
  expect(written.status, "a token that may only read and ask").toBe(403);
  await app.getByRole("button", { name: "Revoke Nightly report" }).click();
  await app.getByRole("dialog").getByRole("button", { name: "Revoke the token" }).click();
  await expect(app.getByText("No API tokens yet")).toBeVisible();
  await expect.poll(async () => (await files()).status).toBe(401);
});

test("the audit log shows what was done, narrows down and is exported", async ({ app }) => {
  await app.goto("/connections");
  await app.getByRole("button", { name: "New connection" }).click();
  await app.getByLabel("Name").fill("Shop database");
  await app.keyboard.press("Enter");
  await app.getByRole("button", { name: "I have copied it" }).click();
  await expect(app.getByRole("heading", { name: /Shop database/ })).toBeVisible();

  await app.goto("/settings/audit");
  const entries = app.getByRole("list", { name: "Entries" });
  const made = entries.getByRole("listitem").filter({ hasText: "Made a connection" });
  await expect(made).toHaveCount(1);
  await expect(made).toContainText(owner.email);
  await made.getByText("Made a connection").click();
  await expect(made.getByText("connection.created")).toBeVisible();

  await app.getByLabel("What", { exact: true }).selectOption("connection");
  await expect(entries.getByRole("listitem")).toHaveCount(1);
  await expect(app).toHaveURL(/action=connection/);
  const saving = app.waitForEvent("download");
  await app.getByRole("button", { name: "Export" }).click();
  await app.getByRole("menuitem", { name: /CSV/ }).click();
  expect(readFileSync(await (await saving).path(), "utf8")).toContain("connection.created");
  await app.getByLabel("Who", { exact: true }).fill("nobody@example.com");
  await expect(app.getByText("Nothing fits these filters")).toBeVisible();
  await app.getByRole("button", { name: "Clear the filters" }).first().click();
  await expect(made).toHaveCount(1);
});

test("an owner sees how the server is doing", async ({ app }) => {
  await app.goto("/settings/system");
  const health = app.getByRole("region", { name: "Health" });
  await expect(health.getByText("Own records: works")).toBeVisible();
  await expect(health.getByText(/SQLite · \d+ of \d+ connections? in use/)).toBeVisible();
  await expect(app.getByRole("region", { name: "Fit for production?" })).toContainText(
    /mail|https/i,
  );
  await app.getByRole("button", { name: "Send a test to me" }).click();
  await expect(app.getByText("The letter lies in the folder.")).toBeVisible();
});

test("the organisation is renamed and keeps its audit log for as long as is set", async ({
  app,
}) => {
  await app.goto("/settings/organization");
  await app.getByLabel("Name of the organisation").fill("Harbour Ice");
  await app
    .getByRole("region", { name: "Organisation" })
    .getByRole("button", { name: "Save" })
    .click();
  await expect(app.getByText("The name was saved.")).toBeVisible();
  await app.getByLabel("Days to keep the audit log").fill("90");
  await app.getByRole("region", { name: "Keeping" }).getByRole("button", { name: "Save" }).click();
  await expect(app.getByText("The settings were saved.")).toBeVisible();
  await app.reload();
  await expect(app.getByLabel("Days to keep the audit log")).toHaveValue("90");
  await app.goto("/");
  await expect(app.getByText("Harbour Ice").first()).toBeVisible();
});
