import { expect, test } from "bun:test";
import fc from "fast-check";
import { endOfValue, isJson } from "../../src/json-grammar.ts";

/** JSON.parse is the oracle: both take or refuse the same text. */
function agrees(text: string): void {
  let isJson = true;
  try {
    JSON.parse(text);
  } catch {
    isJson = false;
  }
  expect([text, endOfValue(text, 0) === text.length]).toEqual([text, isJson]);
}

test.each([
  "0",
  "-0",
  "01",
  "1.",
  ".5",
  "+1",
  "-",
  "1e",
  "1E+5",
  "1e400",
  "--1",
  "0x1",
  "NaN",
  "Infinity",
  "true",
  "tru",
  "truex",
  "null",
  "nul",
  '""',
  '"',
  "'a'",
  '"\\x"',
  '"\\u12"',
  '"\\u12g4"',
  '"\\ud800"',
  '"\t"',
  '"\u007f\u2028"',
  "[]",
  "[",
  "]",
  "[,]",
  "[1,]",
  "[1 2]",
  "[1]]",
  "[[[]]]",
  "[}",
  "{}",
  "{",
  "}",
  '{"a"}',
  '{"a":}',
  '{"a":1,}',
  "{a:1}",
  '{"a":1 "b":2}',
  '{"a":1,"a":2}',
  '{"a":{"b":[{}]}}',
  '{"a":]}',
  "{]",
  '[1,{"a":[2,{}]},3]',
  "\ufeff1",
  "",
  "[\u00a01]",
  '{"a" :\r1}',
  "{1:2}",
  "[1,\v2]",
  '{"a":1]',
])("endOfValue takes %j for JSON just when JSON.parse does", (text) => {
  agrees(text);
});

test("endOfValue agrees with JSON.parse on JSON that was cut, joined and changed", () => {
  const tokens = fc.constantFrom(
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"',
    '"a"',
    "1",
    "-",
    "e5",
    "true",
    "null",
    " ",
    "\\",
    "\n",
  );
  fc.assert(
    fc.property(fc.array(tokens, { maxLength: 12 }), (parts) => agrees(parts.join("").trim())),
    {
      numRuns: 3000,
    },
  );
  fc.assert(
    fc.property(fc.json(), fc.nat(), fc.string({ maxLength: 2 }), (json, place, change) => {
      const at = place % json.length;
      agrees(json);
      agrees((json.slice(0, at) + change + json.slice(at + 1)).trim());
    }),
    { numRuns: 1000 },
  );
});

test.each([
  [' {"a":[1]}\r', true],
  ["[1] x", false],
  ["  ", false],
  ["", false],
  ["[", false],
])("isJson says of %j: %p", (text, expected) => {
  expect(isJson(text)).toBe(expected);
});

test("endOfValue stops behind the value", () => {
  expect(endOfValue('x{"a":[1]} y', 1)).toBe(10);
  expect(endOfValue("123,4", 0)).toBe(3);
});

test("endOfValue takes a million levels", () => {
  const levels = 1_000_000;
  expect(endOfValue(`${'{"a":['.repeat(levels)}1${"]}".repeat(levels)}`, 0)).toBe(8 * levels + 1);
});
