import { expect, test } from "bun:test";
import { capText } from "../../src/text.ts";

test.each([
  ["12345", 5, "12345"],
  ["123456", 5, "1234…"],
  ["123\u{1f600}6", 5, "123…"],
  ["12\u{1f600}56", 5, "12\u{1f600}…"],
  ["\u{1f600}\u{1f600}", 2, "…"],
])("capText cuts %j to %d units, and no surrogate pair in two", (text, maxChars, cut) => {
  expect(capText(text, maxChars)).toBe(cut);
});
