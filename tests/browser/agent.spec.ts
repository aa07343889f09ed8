// A real agent beside a real PostgreSQL, watched on the page: online, offline, its schema, an answer.
import { expect, signedIn, test, type Made } from "./database";
import { ask } from "./server";

/** A change of state has to be on the page within this time, without loading it again. */
const AT_ONCE = { timeout: 1000 };

test("the page shows the agent coming, its schema, and its going within a second", async ({
  app,
  connect,
  agentOf,
}) => {
  const made = await connect("Shop database");
  await app.goto(`/connections/${made.id}`);
  const heading = app.getByRole("heading", { level: 1 });
  await expect(heading.getByText("Waiting for agent")).toBeVisible();
  await app.evaluate(() => Object.assign(window, { sameDocument: true }));

  const agent = agentOf(made);
  await expect.poll(agent.said, { timeout: 30_000 }).toContain("Connected");
  await expect(heading.getByText("Online")).toBeVisible(AT_ONCE);
  await expect(app.getByText("Reachable")).toBeVisible();
  await expect(app.getByText(/PostgreSQL \d+/)).toBeVisible();
  const tree = app.getByRole("tree", { name: "The tables and their columns" });
  await expect(tree.getByRole("treeitem", { name: /orders/ }).first()).toBeVisible();

  agent.kill();
  await expect(heading.getByText("Offline")).toBeVisible(AT_ONCE);
  await expect(app.getByText(/last seen just now/)).toBeVisible();
  expect(await app.evaluate(() => "sameDocument" in window), "the page was loaded anew").toBe(true);

  agentOf(made);
  await expect(heading.getByText("Online")).toBeVisible();
});

test("the schema is searched and walked by keyboard", async ({ app, connect, agentOf }) => {
  const made = await connect("Shop database");
  agentOf(made);
  await app.goto(`/connections/${made.id}`);
  const tree = app.getByRole("tree", { name: "The tables and their columns" });
  await expect(tree.getByRole("treeitem")).toHaveCount(4);
  await app.getByLabel("Search tables and columns").fill("orders");
  await expect(tree.getByRole("treeitem")).toHaveCount(2);
  for (let step = 0; step < 3; step++) {
    await app.keyboard.press("Tab");
    if (await tree.evaluate((element) => element === document.activeElement)) break;
  }
  await expect(tree).toBeFocused();
  await app.keyboard.press("ArrowRight");
  await expect(tree.getByRole("treeitem", { name: /customer_id.*customers\.id/ })).toBeVisible();
  await expect(tree.getByText("With tax")).toBeVisible();
  await expect(tree.getByText("one of open, paid, sent")).toBeVisible();
  await app.keyboard.press("ArrowLeft");
  await expect(tree.getByRole("treeitem")).toHaveCount(2);
  await app.getByLabel("Search tables and columns").fill("no such thing");
  await expect(app.getByText("No table or column matches “no such thing”.")).toBeVisible();
});

test("a database is asked through its agent", async ({ app, connect, agentOf }) => {
  const made = await connect("Shop database");
  agentOf(made);
  await app.goto(`/connections/${made.id}`);
  await expect(app.getByRole("treeitem", { name: /orders/ }).first()).toBeVisible();
  await app.getByRole("link", { name: "Ask this database" }).click();
  await expect(app.getByRole("button", { name: /Sources: Shop database/ })).toBeVisible();
  await ask(app, "How many orders by state?");
  const answer = app.getByRole("region", { name: "Answer", exact: true });
  await answer.getByRole("tab", { name: "Table" }).click();
  await expect(answer.getByRole("cell", { name: "paid" })).toBeVisible();
  await expect(answer.getByRole("cell", { name: "1,334" })).toBeVisible();
});

test("a hundred thousand rows are scrolled to the last one", async ({ app, connect, agentOf }) => {
  const made = await connect("Shop database");
  agentOf(made);
  await app.goto(`/connections/${made.id}`);
  await expect(app.getByRole("treeitem", { name: /orders/ }).first()).toBeVisible();
  await app.getByRole("link", { name: "Ask this database" }).click();
  await ask(app, "How many orders?");
  const answers = app.getByRole("region", { name: "Answer", exact: true });
  await answers.getByRole("tab", { name: "Query" }).click();
  const editor = answers.getByRole("textbox", { name: "Query" });
  await editor.fill(
    "SELECT row_number() OVER (ORDER BY o.id, c.id) AS n, c.name FROM orders o CROSS JOIN customers c WHERE o.id <= 250 ORDER BY n",
  );
  await editor.press("Control+Enter");
  const table = answers.nth(1).getByRole("region", { name: "Rows of the answer" });
  await expect(table.getByRole("table")).toHaveAttribute("aria-rowcount", "100001");
  await table.focus();
  for (const [key, cell] of [
    ["End", "100,000"],
    ["Home", "1"],
  ] as const) {
    await app.keyboard.press(key);
    await expect(table.getByRole("cell", { name: cell, exact: true })).toBeVisible();
    expect(await table.getByRole("row").count(), "rows in the document").toBeLessThan(80);
  }
});

test("thousands of tables are a handful of elements", async ({ app, connect }) => {
  const made = await connect("Shop database");
  const tables = Array.from({ length: 5000 }, (_, index) => ({
    schema: "archive",
    name: `table_${index + 1}`,
    kind: "table",
    columns: Array.from({ length: 20 }, (_, column) => ({
      name: column === 7 && index === 4321 ? "needle" : `column_${column}`,
      type: "text",
      kind: "text",
    })),
  }));
  await app.route(`**/connections/${made.id}/schema`, (route) =>
    route.fulfill({ json: { discovered_at: "2025-01-01T00:00:00Z", tables } }),
  );
  await app.goto(`/connections/${made.id}`);
  const tree = app.getByRole("tree", { name: "The tables and their columns" });
  await expect(app.getByText("5,000 tables")).toBeVisible();
  await tree.focus();
  await app.keyboard.press("End");
  await expect(tree.getByRole("treeitem", { name: /table_5000/ })).toBeVisible();
  expect(await tree.getByRole("treeitem").count()).toBeLessThan(80);
  await app.getByLabel("Search tables and columns").fill("needle");
  await expect(app.getByText("1 of 5,000 tables")).toBeVisible();
  await expect(tree.getByRole("treeitem", { name: "Show 19 more columns" })).toBeVisible();
  await tree.getByRole("treeitem", { name: "Show 19 more columns" }).click();
  await expect(tree.getByRole("treeitem", { name: "column_19" })).toBeVisible();
});

test("the connection is tested, and a running query is seen and stopped", async ({
  app,
  connect,
  agentOf,
}) => {
  const made = await connect("Shop database");
  agentOf(made);
  await app.goto(`/connections/${made.id}`);
  await expect(app.getByText("Reachable")).toBeVisible();
  await app.getByRole("button", { name: "Test connection" }).click();
  await expect(app.getByText("The connection works")).toBeVisible();
  await expect(app.getByText(/agent [\d.]+ ms · database [\d.]+ ms/)).toBeVisible();
  await app.getByText("Policy in force:").click();
  await expect(app.getByText(/A query gives at most [\d,]+ rows/)).toBeVisible();

  const answer = app.request.post("/api/v1/query/run", {
    headers: await signedIn(app.request),
    data: { query: "SELECT done FROM slow_report", connection_id: made.id },
  });
  const running = app.getByRole("region", { name: "1 query running" });
  await expect(running).toBeVisible();
  await expect(running.getByText(/you · .* · 0 rows so far/)).toBeVisible();
  await running.getByRole("button", { name: /^Stop/ }).click();
  await expect(running).toHaveCount(0);
  const { outcome } = (await (await answer).json()) as { outcome: string };
  expect(outcome).toBe("failed");
});

test("a revoked key cuts the agent off; one with the new key is seen in the dialog", async ({
  app,
  connect,
  agentOf,
}) => {
  const made = await connect("Shop database");
  agentOf(made);
  await app.goto(`/connections/${made.id}`);
  const heading = app.getByRole("heading", { level: 1 });
  await expect(heading.getByText("Online")).toBeVisible();
  await app.getByRole("button", { name: "Revoke" }).click();
  await app.getByRole("dialog").getByRole("button", { name: "Revoke the key" }).click();
  await expect(heading.getByText("Offline")).toBeVisible(AT_ONCE);
  await expect(app.getByText("The key was revoked", { exact: true })).toBeVisible();

  await app.getByRole("button", { name: "New key" }).click();
  const rotated = app.waitForResponse(/rotate-key/);
  await app.getByRole("button", { name: "Make a new key" }).click();
  const dialog = app.getByRole("dialog");
  await expect(dialog.getByText("Waiting for the agent…")).toBeVisible();
  agentOf((await (await rotated).json()) as Made);
  await expect(dialog.getByText("The agent is online.")).toBeVisible();
  await dialog.getByRole("button", { name: "I have copied it" }).click();
  await expect(heading.getByText("Online")).toBeVisible();
});
