// A file of one's own: upload, look at it, change a type, ask over it, delete it.
import { ask, expect, test } from "./server";

const rows = Array.from(
  { length: 240 },
  (_, index) =>
    `${index + 1},${["Vanilla", "Cherry", "Pecan"][index % 3]},${(index % 12) + 1}.50,2025-${String((index % 12) + 1).padStart(2, "0")}-15`,
);
const scoops = {
  name: "scoops.csv",
  mimeType: "text/csv",
  buffer: Buffer.from(["scoop,flavour,price,sold_on", ...rows].join("\n")),
};

test("a CSV is uploaded, shown, profiled and asked", async ({ app }) => {
  await app.goto("/files");
  await app.getByLabel("Files to upload").setInputFiles(scoops);
  await expect(app.getByText("scoops: 240 rows")).toBeVisible();
  await app
    .getByRole("region", { name: "Files", exact: true })
    .getByRole("link", { name: /scoops\.csv/ })
    .first()
    .click();
  await expect(app.getByRole("heading", { name: "scoops.csv" })).toBeVisible();
  await expect(app.getByRole("columnheader", { name: "flavour" })).toBeVisible();
  await expect(app.getByRole("cell", { name: "Vanilla" }).first()).toBeVisible();

  await app.getByRole("tab", { name: "Profile" }).click();
  await expect(app.getByRole("heading", { name: "flavour" })).toBeVisible();
  await expect(app.getByText("3 different")).toBeVisible();

  await app.getByRole("link", { name: "Ask about this file" }).click();
  await expect(app.getByRole("button", { name: /Sources: scoops\.csv/ })).toBeVisible();
  await ask(app, "How many scoops by flavour?");
  const answer = app.getByRole("region", { name: "Answer", exact: true });
  await answer.getByRole("tab", { name: "Table" }).click();
  await expect(answer.getByRole("cell", { name: "Cherry" })).toBeVisible();
  await expect(answer.getByRole("cell", { name: "80" }).first()).toBeVisible();
});

test("a column can be renamed and typed anew", async ({ app }) => {
  await app.goto("/files");
  await app.getByLabel("Files to upload").setInputFiles(scoops);
  await app
    .getByRole("region", { name: "Uploads" })
    .getByRole("link", { name: "scoops.csv" })
    .click();
  await app.getByRole("tab", { name: "Import" }).click();
  await app.getByLabel("Name of the column scoop", { exact: true }).fill("number");
  await app.getByLabel("Type of the column price").selectOption("text");
  await app.getByRole("button", { name: "Import again with the changes" }).click();
  await expect(app.getByText("imported again with your changes")).toBeVisible();
  await app.getByRole("tab", { name: "Preview" }).click();
  await expect(app.getByRole("columnheader", { name: "number" })).toBeVisible();
});

test("a broken file gets a sentence, and the others still arrive", async ({ app }) => {
  await app.goto("/files");
  await app.getByLabel("Files to upload").setInputFiles([
    {
      name: "broken.parquet",
      mimeType: "application/octet-stream",
      buffer: Buffer.from("not a parquet file"),
    },
    scoops,
  ]);
  await expect(app.getByText("scoops: 240 rows")).toBeVisible();
  const broken = app
    .getByRole("region", { name: "Uploads" })
    .getByRole("listitem")
    .filter({ hasText: "broken.parquet" });
  await expect(broken.getByRole("button", { name: "Retry" })).toBeVisible();
});

test("a file is deleted after asking", async ({ app }) => {
  await app.goto("/files");
  await app.getByLabel("Files to upload").setInputFiles(scoops);
  await expect(app.getByText("scoops: 240 rows")).toBeVisible();
  await app.getByRole("button", { name: "Delete scoops.csv" }).click();
  await app.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(app.getByText("scoops.csv was deleted.")).toBeVisible();
  await expect(app.getByText("No files yet")).toBeVisible();
});
