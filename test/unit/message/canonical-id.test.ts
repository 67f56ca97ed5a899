import { expect, test } from "bun:test";
import fc from "fast-check";
import { canonicalId } from "../../../src/message/canonical-id.ts";

test.each([
  ["0", "0"],
  ["-0", "0"],
  ["7", "7"],
  ["1.0", "1"],
  ["10e-1", "1"],
  ["1e3", "1000"],
  ["1.5", "1.5"],
  ["9007199254740991", "9007199254740991"],
  ["9007199254740993", "9007199254740993"],
  ["12345678901234567890", "12345678901234567890"],
  ["0.1000000000000000055", "0.1000000000000000055"],
  ["1e400", "1e400"],
  ["1e-400", "1e-400"],
  ["0e999", "0"],
  ["null", "null"],
  ['"7"', '"7"'],
  ['"\\u0061"', '"a"'],
  ['"\\/"', '"/"'],
  ['"\\ud800"', '"\\ud800"'],
  ['"é"', '"é"'],
])("canonicalId makes %s the valid id %s", (text, expected) => {
  expect(canonicalId(text)).toEqual({ text: expected, valid: true });
});

test.each(["true", "false", "{}", '[1,"é"]'])("canonicalId says that %s is no id", (text) => {
  expect(canonicalId(text)).toEqual({ text, valid: false });
});

test("canonicalId gives integers and strings that are equal the same text, and others not", () => {
  const id = fc.oneof(fc.maxSafeInteger(), fc.string({ unit: "binary" }));
  fc.assert(
    fc.property(id, id, (a, b) => {
      const same = canonicalId(JSON.stringify(a)).text === canonicalId(JSON.stringify(b)).text;
      expect(same).toBe(a === b || (a === 0 && b === 0));
    }),
  );
});
