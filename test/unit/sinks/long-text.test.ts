import { expect, test } from "bun:test";
import fc from "fast-check";
import { cut, flat, joined, LONG_CHARS } from "../../../src/sinks/long-text.ts";

test("cut gives all of a text in pieces, and none ends inside a surrogate pair", () => {
  const unit = fc.constantFrom("x", "é", "😀", "\n");
  fc.assert(
    fc.property(fc.array(unit, { minLength: 1 }), fc.integer({ min: -2, max: 2 }), (units, off) => {
      const text = `${"y".repeat(LONG_CHARS - 3 + off)}${units.join("")}${"z".repeat(LONG_CHARS)}`;
      const pieces = [...cut(text)];
      expect(pieces.join("")).toBe(text);
      expect(pieces.length).toBeGreaterThan(1);
      for (const piece of pieces) {
        expect(piece.length).toBeLessThanOrEqual(LONG_CHARS + 1);
        expect(piece.isWellFormed()).toBe(true);
      }
    }),
    { numRuns: 50 },
  );
});

test("cut keeps a lone surrogate where it is", () => {
  const text = `${"y".repeat(LONG_CHARS - 1)}\ud83dz`;
  expect([...cut(text)].join("")).toBe(text);
});

test("flat asks for a piece only when it is wanted", () => {
  const asked: string[] = [];
  const lazy = function* () {
    asked.push("b");
    yield "b";
  };
  const pieces = flat(["a", lazy(), "c"]);
  expect(pieces.next().value).toBe("a");
  expect(asked).toEqual([]);
  expect([...pieces]).toEqual(["b", "c"]);
});

test("joined puts a line together", () => {
  expect([joined("a"), joined(["a", "b"])]).toEqual(["a", "ab"]);
});
