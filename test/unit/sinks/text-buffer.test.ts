import { expect, test } from "bun:test";
import fc from "fast-check";
import { TextBuffer } from "../../../src/sinks/text-buffer.ts";

/** Bytes of one `take`, at most. */
const CAPACITY = 1 << 19;

/** All bytes, and how many each `take` gave. */
function drain(buffer: TextBuffer): { readonly text: string; readonly sizes: readonly number[] } {
  const taken: Buffer[] = [];
  for (let bytes = buffer.take(); bytes.length > 0; bytes = buffer.take()) {
    taken.push(Buffer.from(bytes));
  }
  return { text: Buffer.concat(taken).toString(), sizes: taken.map((bytes) => bytes.length) };
}

test("TextBuffer gives the bytes of all texts once, in order, however long they are", () => {
  const piece = fc.constantFrom("", "x", "é\n", "😀", "line\n".repeat(30_000), "é".repeat(270_000));
  fc.assert(
    fc.property(fc.array(fc.array(piece, { maxLength: 4 }), { maxLength: 4 }), (calls) => {
      const buffer = new TextBuffer();
      for (const texts of calls) buffer.add(texts);
      const { text, sizes } = drain(buffer);
      expect(text === calls.flat().join("")).toBe(true);
      expect(Math.max(0, ...sizes)).toBeLessThanOrEqual(CAPACITY);
      expect(buffer.hasMore).toBe(false);
    }),
    { numRuns: 20 },
  );
});

test("TextBuffer leaves what was taken as it is while the next bytes come", () => {
  const buffer = new TextBuffer();
  buffer.add(["first"]);
  const first = buffer.take();
  buffer.add(["second"]);
  expect(first.toString()).toBe("first");
  expect(buffer.take().toString()).toBe("second");
});

test("TextBuffer asks for a text only when there may be room for it", () => {
  const buffer = new TextBuffer();
  let asked = 0;
  const texts = function* () {
    for (; asked < 100; asked++) yield "x".repeat(100_000);
  };
  buffer.add(texts());
  expect({ asked, hasMore: buffer.hasMore }).toEqual({ asked: 5, hasMore: true });
  buffer.take();
  expect(asked).toBe(10);
});

test("TextBuffer forgets what was not taken", () => {
  const buffer = new TextBuffer();
  buffer.add(["x".repeat(CAPACITY), "y"]);
  buffer.clear();
  buffer.add(["z"]);
  expect(drain(buffer).text).toBe("z");
});
