import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { printable } from "../../../src/sinks/printable.ts";

describe("printable", () => {
  test.each([
    ["get_weather", "get_weather"],
    ["Wetter in Ålesund, 東京, 👋🏽", "Wetter in Ålesund, 東京, 👋🏽"],
    ["two\nlines\r\tand a tab", "two\\nlines\\r\\tand a tab"],
    ["\u001b[2J\u001b]0;title\u0007", "\\x1b[2J\\x1b]0;title\\x07"],
    ["\u009b31mred", "\\x9b31mred"],
    ["\u007f\0", "\\x7f\\x00"],
    ["abc\u202etxt.exe", "abc\\u202etxt.exe"],
    ["\u2066a\u2069\u200e\u200f\u061c", "\\u2066a\\u2069\\u200e\\u200f\\u061c"],
    ["a\u2028b\u2029c", "a\\u2028b\\u2029c"],
    ["pay\u200bpal\ufeff\u2060", "pay\\u200bpal\\ufeff\\u2060"],
    ["\ud800x\udfff", "\\ud800x\\udfff"],
    ["tag\u{e0041}", "tag\\u{e0041}"],
    ["soft\u00adhyphen", "soft\\xadhyphen"],
  ])("printable shows %j as %j", (text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  test("printable leaves no character that a terminal obeys, whatever comes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(printable(text)).not.toMatch(
          /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\u200b-\u200f\u061c\ufeff]|\p{Cs}/u,
        );
      }),
    );
  });
});
