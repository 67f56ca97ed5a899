import { expect, test } from "bun:test";
import fc from "fast-check";
import { decodeCursor, encodeCursor } from "../../../src/server/cursor.ts";
import { closeJson } from "../../../src/server/json-cut.ts";
import { isoTime, parseSince } from "../../../src/server/when.ts";
import { redactor } from "../../../src/sinks/redact.ts";

test("a cursor is read back, and nothing else is taken for one", () => {
  fc.assert(
    fc.property(fc.nat(), (row) => {
      expect(decodeCursor(encodeCursor(row))).toBe(row);
    }),
  );
  fc.assert(
    fc.property(fc.string(), (text) => {
      const row = decodeCursor(text);
      if (row !== undefined) expect(row).toBeGreaterThanOrEqual(0);
    }),
  );
  expect(decodeCursor("")).toBeUndefined();
  expect(decodeCursor(Buffer.from("r2.5").toString("base64url"))).toBeUndefined();
});

test.each([
  ["15m", 85 * 60_000],
  ["2h ago", -20 * 60_000],
  ["1.5s", 100 * 60_000 - 1500],
  ["1970-01-01T00:00:05Z", 5000],
  ["1970-01-02", 86_400_000],
  ["", undefined],
  ["m", undefined],
  ["15", undefined],
  ["soon", undefined],
  ["-5m", undefined],
])("parseSince takes %p for %p", (text, ms) => {
  expect(parseSince(text, 100 * 60_000)).toBe(ms);
});

test("a clock far off is told as such", () => {
  expect(isoTime(1e300)).toBe("unknown");
  expect(isoTime(0)).toBe("1970-01-01T00:00:00.000Z");
});

test("JSON cut anywhere can be walked for secrets", () => {
  const json = JSON.stringify({
    a: 'x"\\\u2028y\u0001',
    password: "hunter2",
    b: [1, "é😀", { c: null }],
  });
  for (let end = 0; end <= json.length; end++) {
    const masked = redactor.json(closeJson(json.slice(0, end)));
    expect(masked).not.toContain("hunter2");
  }
  expect(closeJson(json)).toBe(json);
});
