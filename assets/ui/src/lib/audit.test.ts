// How the audit log's names and days are read.
import { describe, expect, it } from "vitest";
import { actionWords, auditGroups, dayRange, detailText } from "./audit";

describe("actions", () => {
  it("have words, known or not", () => {
    expect(actionWords("user.role_changed")).toBe("Changed a role");
    expect(actionWords("file.sent_to_moon")).toBe("File sent to moon");
  });

  it("stand in the group of their noun", () => {
    for (const { noun, actions } of auditGroups)
      for (const action of Object.keys(actions)) expect(action.split(".")[0]).toBe(noun);
  });
});

describe("details", () => {
  it("are text, names first, and nothing where there is nothing", () => {
    expect(detailText(null)).toBeNull();
    expect(detailText([])).toBeNull();
    expect(detailText(12)).toBe("12");
    expect(detailText([{ id: "f", name: "4 files", tables: ["orders", "stores"] }])).toBe(
      "4 files (orders, stores)",
    );
    expect(detailText(["read", "ask"])).toBe("read, ask");
  });
});

describe("days", () => {
  it("count from the start of the first to the end of the last", () => {
    const { from = "", to = "" } = dayRange("2026-11-01", "2026-11-02");
    expect(from).toBe(new Date(2026, 10, 1).toISOString());
    expect(to).toBe(new Date(2026, 10, 3).toISOString());
  });

  it("may be left out", () => {
    expect(dayRange("", "")).toEqual({});
    expect(dayRange("2026-11-01", "")).toHaveProperty("from");
    expect(dayRange("2026-11-01", "")).not.toHaveProperty("to");
  });
});
