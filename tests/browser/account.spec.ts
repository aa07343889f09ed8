// Set-up, log-in and log-out.
import { expect, owner, test } from "./server";

test("the first start makes the owner's account and shows the dashboard", async ({ page }) => {
  await page.goto("/");
  await expect(page).toHaveURL(/\/setup$/);
  await expect(page).toHaveTitle(/Set up/);
  await page.getByLabel("Your name").fill(owner.name);
  await page.getByLabel("E-mail").fill(owner.email);
  await page.getByLabel("Organisation").fill(owner.organization);
  await page.getByLabel("Password").fill(owner.password);
  await page.getByRole("button", { name: /owner’s account/ }).click();
  await expect(page.getByRole("heading", { name: "Hello, Ada" })).toBeVisible();
  await expect(page.getByRole("heading", { name: "What to do next" })).toBeVisible();
  await page.reload();
  await expect(page.getByRole("heading", { name: "Hello, Ada" })).toBeVisible();
});

test("logs out and in again, back to where it was", async ({ app }) => {
  await app.getByRole("button", { name: "Sign out" }).click();
  await expect(app).toHaveURL(/\/login$/);
  await app.goto("/files");
  await expect(app).toHaveURL(/\/login$/);
  await app.getByLabel("E-mail").fill(owner.email);
  await app.getByLabel("Password").fill(owner.password);
  await app.getByRole("button", { name: "Log in" }).click();
  await expect(app.getByRole("heading", { name: "Files", level: 1 })).toBeVisible();
});

test("a wrong password gets a sentence and keeps the form", async ({ app }) => {
  await app.getByRole("button", { name: "Sign out" }).click();
  await app.getByLabel("E-mail").fill(owner.email);
  await app.getByLabel("Password").fill("not the password");
  await app.getByRole("button", { name: "Log in" }).click();
  await expect(app.getByRole("alert")).toContainText(/\w+ \w+ \w+/);
  await expect(app.getByLabel("E-mail")).toHaveValue(owner.email);
});

test("a sign-out reaches the other tab", async ({ app, context }) => {
  const other = await context.newPage();
  await other.goto("/settings");
  await expect(other.getByRole("heading", { name: "Settings", level: 1 })).toBeVisible();
  await app.getByRole("button", { name: "Sign out" }).click();
  await expect(other).toHaveURL(/\/login$/);
});

test("the name can be changed", async ({ app }) => {
  await app.goto("/settings");
  await app.getByLabel("Your name").fill("Grace Hopper");
  await app.getByRole("button", { name: "Save" }).click();
  await expect(app.getByText("Your name was saved.")).toBeVisible();
  await app.goto("/");
  await expect(app.getByRole("heading", { name: "Hello, Grace" })).toBeVisible();
});
