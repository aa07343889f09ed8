// How people come in: sign-up, invitation, a forgotten password, another address; and what their role then shows them.
import type { Browser, Page } from "@playwright/test";
import { expect, logIn, owner, test } from "./server";

const grace = { name: "Grace Hopper", email: "grace@example.com", password: "a compiler for all" };

/** A browser of its own: no cookie of the owner's. */
async function stranger(browser: Browser, server: string): Promise<Page> {
  const context = await browser.newContext({ baseURL: server });
  return context.newPage();
}

/** Invites Grace on the members' page and gives the link that is shown. */
async function invite(app: Page, role: string): Promise<string> {
  await app.goto("/settings/members");
  await app.getByRole("button", { name: "Invite", exact: true }).click();
  const dialog = app.getByRole("dialog");
  await dialog.getByLabel("E-mail").fill(grace.email);
  await dialog.getByRole("radio", { name: new RegExp(`^${role}`) }).check();
  await dialog.getByRole("button", { name: "Invite" }).click();
  const link = app.getByRole("group", { name: "Invitation link" });
  await expect(link).toContainText("/invitation?token=");
  const shown = (await link.innerText()).trim();
  await app.getByRole("button", { name: "Done" }).click();
  return shown;
}

async function accept(page: Page, link: string) {
  await page.goto(link);
  await expect(page.getByRole("heading", { name: /invited to Lighthouse Dairy/ })).toBeVisible();
  await expect(page.getByLabel("E-mail")).toHaveValue(grace.email);
  await page.getByLabel("Your name").fill(grace.name);
  await page.getByLabel("Password", { exact: true }).fill(grace.password);
  await page.getByRole("button", { name: "Join" }).click();
  await expect(page.getByRole("heading", { name: "Hello, Grace" })).toBeVisible();
}

test.describe("where sign-up is open", () => {
  test.use({ settings: { CUSTARD_ACCOUNTS_SIGN_UP: "open" } });

  test("somebody signs up, follows the link in the mail and is in", async ({
    app,
    browser,
    server,
    linkIn,
  }) => {
    await expect(app.getByRole("heading", { name: "Hello, Ada" })).toBeVisible();
    const page = await stranger(browser, server);
    await page.goto("/login");
    await page.getByRole("link", { name: "Sign up" }).click();
    await page.getByLabel("Your name").fill(grace.name);
    await page.getByLabel("E-mail").fill(grace.email);
    await page.getByLabel("Organisation").fill("Harbour Ice");
    await page.getByLabel("Password", { exact: true }).fill(grace.password);
    await page.getByRole("button", { name: "Sign up" }).click();
    await expect(page.getByRole("heading", { name: "Look into your mail" })).toBeVisible();
    await expect(page.getByText(grace.email)).toBeVisible();

    const link = await linkIn("verify_email", grace.email);
    await page.goto(link);
    await page.getByRole("button", { name: "Confirm and go on" }).click();
    await expect(page.getByRole("heading", { name: "Hello, Grace" })).toBeVisible();
    await expect(page.getByText("Harbour Ice").first()).toBeVisible();

    const again = await stranger(browser, server);
    await again.goto(link);
    await again.getByRole("button", { name: "Confirm and go on" }).click();
    await expect(again.getByRole("alert")).toContainText(/\w+ \w+ \w+/);
  });
});

test("without an invitation nobody signs up", async ({ app, browser, server }) => {
  await expect(app.getByRole("heading", { name: "Hello, Ada" })).toBeVisible();
  const page = await stranger(browser, server);
  await page.goto("/login");
  await expect(page.getByRole("link", { name: "Forgot your password?" })).toBeVisible();
  await expect(page.getByRole("link", { name: "Sign up" })).toHaveCount(0);
  await page.goto("/signup");
  await expect(page.getByText("Ask an owner or admin of your organisation")).toBeVisible();
});

test("an invitation is accepted, and its role shows what it may", async ({
  app,
  browser,
  server,
}) => {
  const link = await invite(app, "Viewer");
  await expect(app.getByRole("region", { name: "Invitations" })).toContainText(grace.email);
  const page = await stranger(browser, server);
  await accept(page, link);

  await page.goto("/files");
  await expect(page.getByText("No files yet")).toBeVisible();
  await expect(page.getByRole("button", { name: /Choose files|Add sample data/ })).toHaveCount(0);
  await page.goto("/connections");
  await expect(page.getByText("No connections yet")).toBeVisible();
  await expect(page.getByRole("button", { name: "New connection" })).toHaveCount(0);
  await page.goto("/settings");
  const parts = page.getByRole("navigation", { name: "Settings" });
  await expect(parts.getByRole("link", { name: "Security" })).toBeVisible();
  for (const name of ["Organisation", "Members", "Audit"])
    await expect(parts.getByRole("link", { name })).toHaveCount(0);
  for (const part of ["members", "audit", "organization"]) {
    await page.goto(`/settings/${part}`);
    await expect(page.getByRole("heading", { name: /^This is for owners/ })).toBeVisible();
  }

  await app.reload();
  await expect(app.getByRole("region", { name: "Invitations" })).toHaveCount(0);
  await app.getByLabel("Role of Grace Hopper").selectOption("admin");
  await expect(app.getByText("Grace Hopper is now admin.")).toBeVisible();
  // The other browser learns of it without being loaded anew.
  await expect(parts.getByRole("link", { name: "Members" })).toBeVisible();
});

test("somebody who is removed is out at once", async ({ app, browser, server }) => {
  const page = await stranger(browser, server);
  await accept(page, await invite(app, "Analyst"));
  await app.reload();
  await app.getByRole("button", { name: "Remove Grace Hopper" }).click();
  await app.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await expect(app.getByText("Grace Hopper was removed.")).toBeVisible();
  await expect(page.getByText("Your session has ended.")).toBeVisible();
});

test("a forgotten password is set anew by the link in the mail", async ({ app, linkIn }) => {
  await app.getByRole("button", { name: "Sign out" }).click();
  await app.getByLabel("E-mail").fill(owner.email);
  await app.getByRole("link", { name: "Forgot your password?" }).click();
  // The log-in has a field of the same name, and stands until the next page is there.
  await expect(app.getByRole("heading", { name: "Forgot your password?" })).toBeVisible();
  await expect(app.getByLabel("E-mail")).toHaveValue(owner.email);
  await app.getByRole("button", { name: "Send the link" }).click();
  await expect(app.getByRole("heading", { name: "Look into your mail" })).toBeVisible();

  const link = await linkIn("reset_password", owner.email);
  await app.goto(link);
  await app.getByLabel("New password").fill("a new and better one");
  await app.getByRole("button", { name: "Set the password" }).click();
  await expect(app.getByText("Your new password is set.")).toBeVisible();
  await logIn(app, owner.email, "a new and better one");
  await expect(app.getByRole("heading", { name: "Hello, Ada" })).toBeVisible();

  await app.getByRole("button", { name: "Sign out" }).click();
  await app.goto(link);
  await app.getByLabel("New password").fill("yet another new one");
  await app.getByRole("button", { name: "Set the password" }).click();
  await expect(app.getByRole("link", { name: "Ask for a new link" })).toBeVisible();
});

test("the address is changed by the link that goes to the new one", async ({ app, linkIn }) => {
  const address = "countess@example.com";
  await app.goto("/settings");
  await app.getByRole("button", { name: "Change the address" }).click();
  const dialog = app.getByRole("dialog");
  await dialog.getByLabel("New e-mail").fill(address);
  await dialog.getByLabel("Your password").fill("not the password");
  await dialog.getByRole("button", { name: "Send the link" }).click();
  await expect(dialog.getByRole("alert")).toContainText(/\w+ \w+ \w+/);
  await dialog.getByLabel("Your password").fill(owner.password);
  await dialog.getByRole("button", { name: "Send the link" }).click();
  await expect(app.getByText("A link is on its way to")).toBeVisible();

  await app.goto(await linkIn("email_changed", address));
  await app.getByRole("button", { name: "Confirm the address" }).click();
  await expect(app.getByRole("heading", { name: "Your address is changed" })).toBeVisible();
  await app.goto("/settings");
  await expect(app.getByRole("region", { name: "E-mail" })).toContainText(address);
});

test("an account is deleted, the last owner's with the organisation", async ({ app }) => {
  await app.goto("/settings");
  await app.getByRole("button", { name: "Delete the account" }).click();
  const dialog = app.getByRole("dialog");
  await dialog.getByLabel("Your password").fill(owner.password);
  await dialog.getByRole("button", { name: "Delete it for good" }).click();
  await dialog.getByRole("checkbox", { name: /Delete Lighthouse Dairy as well/ }).check();
  await dialog.getByRole("button", { name: "Delete it for good" }).click();
  await expect(app).toHaveURL(/\/(login|setup)$/);
});
