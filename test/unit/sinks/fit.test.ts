import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { truncate, wrap } from "../../../src/sinks/fit.ts";

describe("wrap", () => {
  test.each([
    ["fits as it is", 20, 10, ["fits as it is"]],
    ["a line that is broken at spaces", 9, 12, ["a line", "that is", "broken at", "spaces"]],
    ["averyveryverylongword", 8, 6, ["averyver", "yveryl", "ongwor", "d"]],
    ["short averyveryverylongword", 20, 10, ["short averyveryveryl", "ongword"]],
    ["東京東京", 5, 4, ["東京", "東京"]],
    ["", 5, 5, [""]],
  ])("wrap cuts %p to %d and %d columns", (text, first, others, lines) => {
    expect(wrap(text, first, others)).toEqual(lines);
  });

  test("wrap loses nothing but spaces, and keeps within its columns, whatever the text", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme" }),
        fc.integer({ min: 2, max: 40 }),
        fc.integer({ min: 2, max: 40 }),
        (text, first, others) => {
          const lines = wrap(text, first, others);
          expect(lines.join("").replaceAll(" ", "")).toBe(text.replaceAll(" ", ""));
          expect(lines.every((line, index) => width(line) <= (index === 0 ? first : others))).toBe(
            true,
          );
        },
      ),
    );
  });

  test("wrap ends where nothing fits", () => {
    expect(wrap("東😀x", 0, 0)).toEqual(["東", "😀", "x"]);
  });
});

/** Of each character by itself, which is the most that a terminal may take for it. */
const width = (text: string) =>
  [...text].reduce((sum, character) => sum + Bun.stringWidth(character), 0);

test("truncate says by its last column that something is missing", () => {
  expect([truncate("abcdef", 6), truncate("abcdef", 5), truncate("東京東京", 6)]).toEqual([
    "abcdef",
    "abcd…",
    "東京…",
  ]);
});
