// Which browser a session is shown as.
import { expect, it } from "vitest";
import { browserName } from "./user-agent";

it("names browser and system", () => {
  const names = [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:131.0) Gecko/20100101 Firefox/131.0",
    "curl/8.5.0",
  ].map(browserName);
  expect(names).toEqual([
    "Chrome on Linux",
    "Edge on Windows",
    "Safari on iPhone",
    "Firefox on macOS",
    "curl",
  ]);
});

it("keeps what it does not know, cut short", () => {
  expect(browserName(null)).toBe("Unknown program");
  expect(browserName("my-script/1")).toBe("my-script/1");
  expect(browserName("x".repeat(80))).toBe(`${"x".repeat(40)}…`);
});
