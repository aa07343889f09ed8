// Teaching: a term that the next question understands, a right answer that becomes an example, the whole as a file.
import { readFile } from "node:fs/promises";
import { addSamples, ask, expect, test } from "./server";

test("a term is taught, and the next question understands it", async ({ app }) => {
  await addSamples(app);
  await app.goto("/knowledge");
  await expect(app.getByText("No terms yet")).toBeVisible();
  await app.getByRole("button", { name: "New term" }).click();
  const form = app.getByRole("dialog");
  await form.getByLabel("Word or words").fill("big order");
  await form.getByLabel("What it means").fill("orders with a total amount over 50");
  await form.getByRole("button", { name: "Save" }).click();
  await expect(app.getByRole("listitem").filter({ hasText: "big order" })).toBeVisible();

  await app.goto("/ask");
  await ask(app, "How many big orders are there?");
  const answer = app.getByRole("region", { name: "Answer", exact: true });
  await expect(answer.getByText("How I read it")).toBeVisible();
  await expect(answer.getByText(/50/).first()).toBeVisible();

  await app.goto("/knowledge");
  await app.getByRole("button", { name: "Change big order" }).click();
  await app
    .getByRole("dialog")
    .getByLabel("What it means")
    .fill("orders with a total amount over 60");
  await app.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await expect(app.getByRole("paragraph").filter({ hasText: "amount over 60" })).toBeVisible();
  await app.getByRole("button", { name: "Delete big order" }).click();
  await app.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(app.getByText("No terms yet")).toBeVisible();
});

test("a right answer is suggested, approved, exported and taken in again", async ({ app }) => {
  await addSamples(app);
  await app.goto("/ask");
  await ask(app, "How many orders are there?");
  const right = app.getByRole("button", { name: "This answer is right" });
  await right.click();
  await expect(right).toHaveAttribute("aria-pressed", "true");
  await app.getByRole("link", { name: "approve it" }).click();
  await expect(app.getByRole("tab", { name: /Suggestions/ })).toHaveAttribute(
    "aria-selected",
    "true",
  );
  await app.getByRole("button", { name: "Approve" }).click();
  await expect(app.getByText("Nothing to approve")).toBeVisible();
  await app.getByRole("tab", { name: /Examples/ }).click();
  await expect(app.getByText("How many orders are there?").last()).toBeVisible();

  const download = app.waitForEvent("download");
  await app.getByRole("button", { name: "Export" }).click();
  const yaml = await readFile(await (await download).path(), "utf8");
  expect(yaml).toContain("How many orders are there?");
  await app.getByRole("button", { name: "Import" }).click();
  const dialog = app.getByRole("dialog");
  await dialog.getByLabel("Or paste it").fill("terms:\n- name: [");
  await dialog.getByRole("button", { name: "Import" }).click();
  await expect(dialog.getByRole("alert")).toContainText(/line/i);
  await dialog.getByLabel("Or paste it").fill(yaml);
  await dialog.getByRole("button", { name: "Import" }).click();
  await expect(app.getByText("0 added, 0 changed, 1 unchanged, 0 removed.")).toBeVisible();
});

test("a wrong answer says why, and what was said is still there after a reload", async ({
  app,
}) => {
  await addSamples(app);
  await app.goto("/ask");
  await ask(app, "How many orders are there?");
  const wrong = app.getByRole("button", { name: "This answer is wrong" });
  await wrong.click();
  const why = app.getByRole("textbox", { name: "What is wrong" });
  await expect(why).toBeFocused();
  await why.fill("Cancelled orders count as well");
  await app.getByRole("button", { name: "Send" }).click();
  await expect(app.getByText("Cancelled orders count as well")).toBeVisible();
  await app.reload();
  await expect(wrong).toHaveAttribute("aria-pressed", "true");
  await wrong.click();
  await expect(wrong).toHaveAttribute("aria-pressed", "false");
});

test("an analysis is asked for in plain words and shown first", async ({ app }) => {
  await addSamples(app);
  await app.goto("/ask");
  await ask(app, "Forecast revenue for the next three months");
  await expect(app.getByRole("tab", { name: "Analyse" })).toHaveAttribute("aria-selected", "true");
  await expect(app.getByRole("button", { name: "Forecast" })).toHaveAttribute(
    "aria-pressed",
    "true",
  );
  await expect(app.locator("canvas")).toBeVisible();
});
