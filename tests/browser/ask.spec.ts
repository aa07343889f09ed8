// From the sample data to a checked answer: chart, table, query, edit, export, keep.
import { readFileSync } from "node:fs";
import { addSamples, ask, expect, test } from "./server";

test("a suggested question gets a sentence, a reading, a table and a query", async ({ app }) => {
  await addSamples(app);
  await app.goto("/ask");
  const suggestions = app.getByRole("list", { name: "Suggested questions" }).getByRole("button");
  await expect(suggestions).toHaveCount(4);
  const question = (await suggestions.first().innerText()).trim();
  await suggestions.first().click();
  await expect(app).toHaveURL(/\/ask\/[\w-]+$/);
  await expect(app.getByRole("heading", { level: 2, name: question })).toBeVisible();
  const answer = app.getByRole("region", { name: "Answer", exact: true });
  await expect(answer.getByText("How I read it:")).toBeVisible();
  await answer.getByRole("tab", { name: "Table" }).click();
  await expect(answer.getByRole("table")).toBeVisible();
  await answer.getByRole("tab", { name: "Query" }).click();
  await expect(answer.getByRole("textbox", { name: "Query" })).toContainText(/SELECT/i);
});

test("all suggested questions are answered, and one of them is drawn", async ({ app }) => {
  await addSamples(app);
  const { questions } = (await (
    await app.request.get("/api/v1/samples", {
      headers: { Authorization: `Bearer ${await token(app)}` },
    })
  ).json()) as { questions: string[] };
  let drawn = 0;
  for (const question of questions) {
    await app.goto("/ask");
    await ask(app, question);
    const answer = app.getByRole("region", { name: "Answer", exact: true });
    await expect(answer.getByRole("tab", { name: "Table" }), question).toBeVisible();
    if ((await answer.getByRole("tab", { name: "Chart" }).count()) === 0) continue;
    drawn += 1;
    await expect(answer.locator("canvas")).toBeVisible();
    await answer.getByLabel("Show data").check();
    await expect(answer.getByRole("table")).toBeVisible();
  }
  expect(drawn).toBeGreaterThan(0);
});

test("a query can be edited and run, and a writing one is refused", async ({ app }) => {
  await addSamples(app);
  await app.goto("/ask");
  await app.getByRole("list", { name: "Suggested questions" }).getByRole("button").first().click();
  const answers = app.getByRole("region", { name: "Answer", exact: true });
  await answers.first().getByRole("tab", { name: "Query" }).click();
  const editor = answers.first().getByRole("textbox", { name: "Query" });
  await editor.fill("SELECT 40 + 2 AS meaning");
  await answers.first().getByRole("button", { name: "Run the edited query" }).click();
  await expect(answers).toHaveCount(2);
  await expect(answers.nth(1).getByRole("cell", { name: "42" })).toBeVisible();
  await expect(answers.nth(1).getByText("Your query", { exact: true })).toBeVisible();

  await answers.nth(1).getByRole("tab", { name: "Query" }).click();
  await answers.nth(1).getByRole("textbox", { name: "Query" }).fill("DELETE FROM orders");
  await answers.nth(1).getByRole("textbox", { name: "Query" }).press("Control+Enter");
  await expect(answers).toHaveCount(3);
  await expect(answers.nth(2).getByRole("tab", { name: "Table" })).toHaveCount(0);
  await expect(answers.nth(2).getByText("change it and run it again")).toBeVisible();
});

test("an answer is exported as CSV and kept on the dashboard", async ({ app }) => {
  await addSamples(app);
  await app.goto("/ask");
  await app.getByRole("list", { name: "Suggested questions" }).getByRole("button").first().click();
  const answer = app.getByRole("region", { name: "Answer", exact: true });
  await answer.getByRole("button", { name: "Export" }).click();
  const saving = app.waitForEvent("download");
  await app.getByRole("menuitem", { name: "CSV" }).click();
  const file = await saving;
  expect(file.suggestedFilename()).toMatch(/\.csv$/);
  expect(readFileSync(await file.path(), "utf8").split("\n").length).toBeGreaterThan(1);

  await answer.getByRole("button", { name: "Keep this answer" }).click();
  await expect(app.getByText("You find it on the dashboard")).toBeVisible();
  await app.goto("/");
  await expect(app.getByRole("heading", { name: "Kept answers" })).toBeVisible();
});

test("what cannot be answered is refused calmly", async ({ app }) => {
  await addSamples(app);
  await app.goto("/ask");
  await ask(app, "How many unicorns live on the moon?");
  const answer = app.getByRole("region", { name: "Answer", exact: true });
  await expect(answer).toBeVisible();
  await expect(answer.getByRole("tab", { name: "Table" })).toHaveCount(0);
});

test("where a question cannot be read, the query is written by hand", async ({ app }) => {
  await addSamples(app);
  await app.goto("/ask");
  await ask(app, "What is the meaning of all this?");
  const answers = app.getByRole("region", { name: "Answer", exact: true });
  await answers.getByRole("button", { name: "Write the query yourself" }).click();
  await expect(answers.getByRole("button", { name: "Run the query" })).toBeDisabled();
  await answers.getByRole("textbox", { name: "Query" }).fill("SELECT 6 * 7 AS answer");
  await answers.getByRole("button", { name: "Run the query" }).click();
  await expect(answers.nth(1).getByRole("cell", { name: "42" })).toBeVisible();
});

test("a conversation is there again after loading the page anew, and can be deleted", async ({
  app,
}) => {
  await addSamples(app);
  await app.goto("/ask");
  await app.getByRole("list", { name: "Suggested questions" }).getByRole("button").first().click();
  const answer = app.getByRole("region", { name: "Answer", exact: true });
  await expect(answer).toHaveCount(1);
  const sentence = await answer.locator("p").first().innerText();
  await app.reload();
  await expect(answer.getByText(sentence)).toBeVisible();
  await app.getByRole("button", { name: "Delete this conversation" }).click();
  await app.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(app).toHaveURL(/\/ask$/);
  await expect(app.getByRole("heading", { name: "What would you like to know?" })).toBeVisible();
});

test("the keyboard alone is enough to ask", async ({ app }) => {
  await addSamples(app);
  const question = await firstSuggestion(app);
  await app.goto("/");
  await expect(app.getByRole("heading", { name: "Hello, Ada" })).toBeVisible();
  await app.keyboard.press("Tab");
  await expect(app.getByRole("link", { name: "Skip to the content" })).toBeFocused();
  const link = app.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Ask" });
  for (let step = 0; step < 12; step++) {
    await app.keyboard.press("Tab");
    if (await link.evaluate(isFocused)) break;
  }
  await app.keyboard.press("Enter");
  await expect(app.getByLabel("Your question")).toBeFocused();
  await app.keyboard.type(question);
  await app.keyboard.press("Enter");
  await expect(app.getByRole("region", { name: "Answer", exact: true })).toBeVisible();
});

function isFocused(element: Element): boolean {
  return element === document.activeElement;
}

type AppPage = Parameters<typeof ask>[0];

async function token(app: AppPage): Promise<string> {
  const answer = await app.request.post("/api/v1/auth/refresh");
  return ((await answer.json()) as { access_token: string }).access_token;
}

async function firstSuggestion(app: AppPage): Promise<string> {
  await app.goto("/ask");
  const first = app.getByRole("list", { name: "Suggested questions" }).getByRole("button").first();
  return (await first.innerText()).trim();
}
