// The look: a phone's width, the dark theme, an address that leads nowhere, and nothing the content policy had to stop.
import { addSamples, ask, expect, test } from "./server";

const screens = [
  "/",
  "/ask",
  "/files",
  "/connections",
  "/knowledge",
  "/evaluations",
  "/settings",
  "/settings/security",
  "/settings/tokens",
  "/settings/organization",
  "/settings/members",
  "/settings/audit",
  "/settings/usage",
  "/settings/translator",
  "/settings/system",
  "/nowhere",
];

test("nothing is wider than a phone", async ({ app }) => {
  await addSamples(app);
  await app.setViewportSize({ width: 390, height: 844 });
  for (const screen of screens) {
    await app.goto(screen);
    await expect(app.getByRole("heading", { level: 1 })).toBeVisible();
    await app.waitForLoadState("networkidle");
    expect(await app.evaluate(overflow), screen).toBeLessThanOrEqual(0);
  }
  await app.goto("/ask");
  await app.getByRole("list", { name: "Suggested questions" }).getByRole("button").first().click();
  await expect(app.getByRole("region", { name: "Answer", exact: true })).toBeVisible();
  expect(await app.evaluate(overflow), "an answer").toBeLessThanOrEqual(0);
  await app.getByRole("button", { name: "Open the menu" }).click();
  await app.getByRole("dialog").getByRole("link", { name: "Files" }).click();
  await expect(app.getByRole("heading", { name: "Files", level: 1 })).toBeVisible();
});

test("the dark theme is chosen, kept and set before the first paint", async ({ app }) => {
  await app.goto("/settings");
  const light = await app.evaluate(background);
  await app.getByRole("radio", { name: "Dark" }).click();
  await expect(app.locator("html")).toHaveAttribute("data-theme", "dark");
  expect(await app.evaluate(background)).not.toBe(light);
  await app.reload();
  await expect(app.locator("html")).toHaveAttribute("data-theme", "dark");
});

test("an unknown address says so and leads back", async ({ app }) => {
  await app.goto("/nowhere/at/all");
  await expect(app.getByRole("heading", { name: "Page not found" })).toBeVisible();
  await expect(app).toHaveTitle(/Page not found/);
  await app.getByRole("link", { name: "Go to the dashboard" }).click();
  await expect(app.getByRole("heading", { name: "Hello, Ada" })).toBeVisible();
});

test("the content policy has nothing to stop", async ({ app }) => {
  const stopped: string[] = [];
  app.on("console", (message) => {
    if (/Content Security Policy/i.test(message.text())) stopped.push(message.text());
  });
  await addSamples(app);
  await app.goto("/ask");
  const question = await app
    .getByRole("list", { name: "Suggested questions" })
    .getByRole("button")
    .last()
    .innerText();
  await ask(app, question.trim());
  await app.getByRole("tab", { name: "Query" }).click();
  await expect(app.getByRole("textbox", { name: "Query" })).toBeVisible();
  expect(stopped).toEqual([]);
});

test("an answer on its way moves nothing that was there", async ({ app }) => {
  await addSamples(app);
  await app.addInitScript(() => {
    const moved: number[] = [];
    Object.assign(window, { moved });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) moved.push((entry as unknown as Shift).value);
    }).observe({ type: "layout-shift", buffered: true });
  });
  await app.goto("/ask");
  const questions = app.getByRole("list", { name: "Suggested questions" }).getByRole("button");
  await expect(questions).toHaveCount(4);
  const first = (await questions.first().innerText()).trim();
  const second = (await questions.nth(1).innerText()).trim();
  await ask(app, first);
  await expect(app.locator("canvas")).toBeVisible();
  // From here on: what stands there is the first answer, what comes is the second.
  await app.evaluate(() => (window as unknown as Moved).moved.splice(0));
  await ask(app, second);
  await expect(app.locator("canvas")).toHaveCount(2);
  const moved = await app.evaluate(() => (window as unknown as Moved).moved);
  // Less than a hundredth of the window: nothing that anybody would see.
  expect(moved.reduce((sum, value) => sum + value, 0)).toBeLessThan(0.01);
});

interface Shift {
  value: number;
}

interface Moved {
  moved: number[];
}

function overflow(): number {
  return document.documentElement.scrollWidth - document.documentElement.clientWidth;
}

function background(): string {
  return getComputedStyle(document.body).backgroundColor;
}
