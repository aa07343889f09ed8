// Connections: created once with its command, offline until an agent calls.
import { expect, test } from "./server";

test("a connection shows its command once and waits for its agent", async ({ app }) => {
  await app.goto("/connections");
  await app.getByRole("button", { name: "New connection" }).click();
  await app.getByLabel("Name").fill("Shop database");
  await app.getByRole("button", { name: "Create" }).click();
  const dialog = app.getByRole("dialog");
  await expect(dialog.getByText("shown only this once")).toBeVisible();
  await expect(dialog.getByLabel("Agent command")).toContainText("clean-custard agent");
  await dialog.getByRole("button", { name: "I have copied it" }).click();
  await expect(app.getByRole("heading", { name: /Shop database/ })).toBeVisible();
  await expect(app.getByText("Waiting for agent")).toBeVisible();
  await expect(app.getByText("The agent has not called yet")).toBeVisible();
  await expect(app.getByRole("button", { name: "Read the schema again" })).toBeDisabled();
  await app.reload();
  await expect(app.getByText("Waiting for agent")).toBeVisible();
  await expect(app.getByText("clean-custard agent")).toHaveCount(0);
});

test("a connection is renamed, gets a new key and is deleted", async ({ app }) => {
  await app.goto("/connections");
  await app.getByRole("button", { name: "New connection" }).click();
  await app.getByLabel("Name").fill("Shop");
  await app.keyboard.press("Enter");
  await app.getByRole("button", { name: "I have copied it" }).click();
  await app.getByRole("button", { name: "Rename" }).click();
  await app.getByRole("dialog").getByLabel("Name").fill("Warehouse");
  await app.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await expect(app.getByRole("heading", { name: /Warehouse/ })).toBeVisible();
  await app.getByRole("button", { name: "New key" }).click();
  await app.getByRole("button", { name: "Make a new key" }).click();
  await expect(app.getByRole("dialog").getByLabel("Agent command")).toContainText(
    "clean-custard agent",
  );
  await app.getByRole("button", { name: "I have copied it" }).click();
  await app.getByRole("button", { name: "Delete" }).click();
  await app.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(app.getByText("No connections yet")).toBeVisible();
});
