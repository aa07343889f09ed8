// Evaluations: a list is asked and scored, run again beside the first, deleted; and what questions cost.
import { addSamples, ask, expect, test } from "./server";

const LIST = `category,question,sql,answer
counts,How many orders are there?,SELECT count(*) FROM orders,
counts,How many customers are there?,,three
nonsense,What is the weather in Berlin?,SELECT 1,
`;

test("a list is asked, scored, run again and compared", async ({ app }) => {
  await addSamples(app);
  await app.goto("/evaluations");
  await expect(app.getByText("Nothing was evaluated yet")).toBeVisible();
  await app.getByRole("button", { name: "New evaluation" }).click();
  const form = app.getByRole("dialog");
  await form.getByLabel("Source", { exact: true }).selectOption({ label: "All files together" });
  await form.getByLabel("Name").fill("First");
  await form.getByRole("radio", { name: /A list of your own/ }).check();
  await form.getByLabel("Or paste it").fill("nothing,of,use");
  await form.getByRole("button", { name: "Start" }).click();
  await expect(form.getByRole("alert")).toContainText("question");
  await form.getByLabel("Or paste it").fill(LIST);
  await form.getByRole("button", { name: "Start" }).click();

  await expect(app.getByRole("heading", { name: "First", level: 1 })).toBeVisible();
  await expect(app.getByText("1 of 3 right (33 %)")).toBeVisible();
  const questions = app.getByRole("region", { name: "Questions" });
  await questions.getByLabel("Which questions").selectOption({ label: "Wrong (1)" });
  await expect(questions.getByText("1 of 3 questions")).toBeVisible();
  await questions.getByRole("button", { name: /customers/ }).click();
  await expect(questions.getByRole("group", { name: "What is right" })).toHaveText("three");
  await questions.getByLabel("Which questions").selectOption({ label: "All verdicts" });
  await questions.getByRole("button", { name: /weather/ }).click();
  await expect(questions.getByText(/weather/).last()).toBeVisible();

  await app.getByRole("button", { name: "Run again" }).click();
  await expect(app.getByText("3 questions in common")).toBeVisible();
  await expect(app.getByText("before: 1 of 2 right (50 %)")).toBeVisible();
  await app.getByRole("button", { name: "Delete" }).click();
  await app.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(app.getByRole("list", { name: "Evaluations" }).getByRole("listitem")).toHaveCount(1);
});

test("the usage page counts questions, and an owner sets a limit", async ({ app }) => {
  await addSamples(app);
  await app.goto("/settings/usage");
  await expect(app.getByText("Nothing was asked")).toBeVisible();
  await app.goto("/ask");
  await ask(app, "How many orders are there?");
  await app.goto("/settings/usage");
  const person = app.getByRole("region", { name: "By person" }).first();
  await expect(person.getByRole("row").last()).toContainText("1");
  await app.getByLabel("Tokens a day for each person").fill("50000");
  await app.getByRole("button", { name: "Save" }).click();
  await expect(app.getByText("50,000 tokens a day")).toBeVisible();
  await app.reload();
  await expect(app.getByLabel("Tokens a day for each person")).toHaveValue("50000");
});
