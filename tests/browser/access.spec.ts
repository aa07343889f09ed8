// Accessibility: axe finds nothing serious on any screen, in the light and in the dark theme.
import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { expect, test } from "./database";
import { addSamples, ask } from "./server";

for (const theme of ["light", "dark"] as const)
  test(`every screen passes axe in the ${theme} theme`, async ({ app, connect, agentOf }) => {
    await app.evaluate((name) => localStorage.setItem("custard-theme", name), theme);
    await app.goto("/");
    await expect(app.locator("html")).toHaveAttribute("data-theme", theme);
    await check(app, "the empty dashboard");
    await addSamples(app);
    await app.goto("/files");
    await check(app, "files");
    await app
      .getByRole("region", { name: "Files", exact: true })
      .getByRole("link", { name: /orders/ })
      .first()
      .click();
    for (const tab of ["Preview", "Profile", "Import"]) {
      await app.getByRole("tab", { name: tab }).click();
      await check(app, `a file’s ${tab}`);
    }

    await app.goto("/ask");
    await expect(app.getByRole("list", { name: "Suggested questions" })).toBeVisible();
    await check(app, "ask");
    await app.getByRole("button", { name: /Sources: / }).click();
    await check(app, "the choice of sources");
    await app.keyboard.press("Escape");
    await app.getByRole("list", { name: "Suggested questions" }).getByRole("button").last().click();
    const answer = app.getByRole("region", { name: "Answer", exact: true });
    await expect(answer).toBeVisible();
    for (const tab of await answer.getByRole("tab").all()) {
      await tab.click();
      await check(app, `an answer’s ${await tab.innerText()}`);
    }
    await ask(app, "What is the meaning of all this?");
    await check(app, "a refusal");

    await app.goto("/connections");
    await app.getByRole("button", { name: "New connection" }).click();
    await check(app, "a new connection");
    await app.keyboard.press("Escape");
    const made = await connect("Shop database");
    await app.goto(`/connections/${made.id}`);
    await check(app, "a connection that waits");
    agentOf(made, "admin");
    await app
      .getByRole("treeitem", { name: /orders/ })
      .first()
      .click();
    await expect(app.getByText("could do more than read")).toBeVisible();
    await check(app, "a connection");
    for (const address of ["/", "/connections", "/knowledge", "/evaluations", "/nowhere"]) {
      await app.goto(address);
      await expect(app.getByRole("heading", { level: 1 })).toBeVisible();
      await check(app, address);
    }
    await app.goto("/knowledge?part=metrics");
    await app.getByRole("button", { name: "New metric" }).click();
    await check(app, "a new metric");
    await app.keyboard.press("Escape");
    await app.goto("/evaluations");
    await app.getByRole("button", { name: "New evaluation" }).click();
    await app.getByRole("radio", { name: /A list of your own/ }).check();
    await check(app, "a new evaluation");
    await app.getByLabel("Source", { exact: true }).selectOption({ label: "All files together" });
    await app.getByLabel("Or paste it").fill("question,answer\nHow many orders are there?,1\n");
    await app.getByRole("button", { name: "Start" }).click();
    await app.getByRole("button", { name: /How many orders/ }).click();
    await check(app, "an evaluation");
    await app.goto(`/connections/${made.id}`);
    await app.getByRole("button", { name: "Access" }).click();
    await app.getByRole("radio", { name: /Only chosen people/ }).check();
    await check(app, "who may see a connection");
    await app.keyboard.press("Escape");
    await app.setViewportSize({ width: 390, height: 844 });
    await app.getByRole("button", { name: "Open the menu" }).click();
    await check(app, "the menu");
    await app.keyboard.press("Escape");
    await app.setViewportSize({ width: 1280, height: 860 });
    await app.getByRole("button", { name: "Sign out" }).click();
    await expect(app.getByRole("heading", { name: "Welcome back" })).toBeVisible();
    await check(app, "log-in");
  });

for (const theme of ["light", "dark"] as const)
  test(`every part of the settings passes axe in the ${theme} theme`, async ({ app }) => {
    await app.evaluate((name) => localStorage.setItem("custard-theme", name), theme);
    const dialog = app.getByRole("dialog");
    const open = async (part: string, button?: string) => {
      await app.goto(`/settings${part}`);
      await expect(app.getByRole("region").first()).toBeVisible();
      if (!button) return check(app, `/settings${part}`);
      await app.getByRole("button", { name: button, exact: true }).click();
      await expect(dialog).toBeVisible();
      await check(app, `/settings${part}: ${button}`);
    };
    for (const part of [
      "",
      "/security",
      "/tokens",
      "/organization",
      "/usage",
      "/translator",
      "/system",
    ])
      await open(part);
    await open("", "Change the address");
    await open("", "Delete the account");
    await open("/security", "Switch on");
    await open("/security", "Log out everywhere");
    await open("/tokens", "New token");
    await dialog.getByLabel("Name").fill("Nightly report");
    await dialog.getByRole("button", { name: "Create" }).click();
    await app.getByRole("button", { name: "I have copied it" }).waitFor();
    await check(app, "a token shown once");
    await open("/members", "Invite");
    await dialog.getByLabel("E-mail").fill("grace@example.com");
    await dialog.getByRole("button", { name: "Invite" }).click();
    await app.getByRole("button", { name: "Done" }).waitFor();
    await check(app, "an invitation's link");
    await open("/members");
    await open("/audit");
    await app.getByRole("list", { name: "Entries" }).locator("summary").first().click();
    await check(app, "an entry of the audit log");
    await app.setViewportSize({ width: 390, height: 844 });
    await open("/members");
    await open("/audit");
  });

test.describe("where sign-up is open", () => {
  test.use({ settings: { CUSTARD_ACCOUNTS_SIGN_UP: "open" } });

  test("the pages before log-in pass axe", async ({ app, page }) => {
    await app.getByRole("button", { name: "Sign out" }).click();
    for (const [address, heading] of [
      ["/login", "Welcome back"],
      ["/signup", "Make an account"],
      ["/forgot-password", "Forgot your password?"],
      ["/verify?token=none", "Confirm your e-mail"],
      ["/reset-password?token=none", "Choose a new password"],
      ["/confirm-email?token=none", "Confirm your new e-mail"],
      ["/invitation?token=none", "This invitation does not work"],
      ["/invitation", "This link is not whole"],
    ] as const) {
      await page.goto(address);
      await expect(page.getByRole("heading", { name: heading })).toBeVisible();
      await check(page, address);
    }
  });
});

test("set-up passes axe", async ({ page }) => {
  await page.goto("/");
  await expect(page.getByRole("heading", { name: "Welcome to Clean Custard" })).toBeVisible();
  await check(page, "set-up");
});

async function check(page: Page, what: string) {
  await expect(page.getByRole("status", { name: "Loading" })).toHaveCount(0);
  // Colours are measured at rest, not half faded in.
  await page.evaluate(async () => {
    await Promise.allSettled(
      document
        .getAnimations()
        .filter((animation) => animation.effect?.getComputedTiming().endTime !== Infinity)
        .map((animation) => animation.finished),
    );
  });
  const { violations } = await new AxeBuilder({ page })
    .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"])
    .analyze();
  const serious = violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(" | ")}`);
  expect(serious, what).toEqual([]);
}
