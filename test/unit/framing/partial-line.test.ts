import { expect, test } from "bun:test";
import { type HeldBytes, PartialLine } from "../../../src/framing/partial-line.ts";

const KIB = 1024;

/** `bytes` of them, none of which is like its neighbour. */
function piece(bytes: number, seed: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: bytes }, (_, at) => at * 7 + seed));
}

function append(line: PartialLine, bytes: Buffer): void {
  line.append(bytes, 0, bytes.length);
}

test("PartialLine holds what was appended, whichever lines share its memory, one after the other", () => {
  const held: HeldBytes = { total: 0 };
  const lines = Array.from({ length: 3 }, () => ({
    line: new PartialLine(held),
    whole: [piece(0, 0)],
  }));
  for (let step = 0; step < 200; step++) {
    const { line, whole } = lines[(step * 5) % 3] ?? { line: new PartialLine(held), whole: [] };
    const bytes = piece(((step * 7919) % 97) * KIB + (step % 3), step);
    append(line, bytes);
    whole.push(bytes);
    if (step % 7 === 6) {
      const skipped = Buffer.concat(whole).length >> 1;
      line.skip(skipped);
      whole.splice(0, whole.length, Buffer.concat(whole).subarray(skipped));
    }
    expect(line.bytes().equals(Buffer.concat(whole))).toBe(true);
    if (step % 4 === 3) {
      line.clear();
      whole.length = 0;
    }
    expect(held.total).toBe(lines.reduce((sum, each) => sum + each.line.capacity, 0));
  }
});

test("PartialLine leaves the memory of a long line to the next long one, up to 4 MiB", () => {
  const held: HeldBytes = { total: 0 };
  const [first, second] = [new PartialLine(held), new PartialLine(held)];
  append(first, piece(1024 * KIB, 1));
  first.clear();
  expect([held.total, held.spare?.byteLength]).toEqual([0, 1024 * KIB]);
  append(second, piece(100, 2));
  expect(second.capacity).toBe(100);
  append(second, piece(64 * KIB, 3));
  expect([second.capacity, held.spare]).toEqual([1024 * KIB, undefined]);
  append(first, piece(5 * 1024 * KIB, 4));
  first.clear();
  expect([held.total, held.spare]).toEqual([1024 * KIB, undefined]);
});
