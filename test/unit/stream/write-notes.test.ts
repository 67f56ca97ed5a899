import { expect, test } from "bun:test";
import fc from "fast-check";
import { WriteNotes } from "../../../src/stream/write-notes.ts";
import { processes } from "./events.ts";

const table = processes();
const a = table.at(10, 10_000, "a");
const b = table.at(11, 11_000, "b");

/** [pid, time] of the write at each position. */
function at(notes: WriteNotes, ...positions: readonly number[]): unknown[] {
  return positions.map((position) => {
    const note = notes.at(position);
    return note && [note.writer.pid, note.timeNs];
  });
}

test("WriteNotes finds the write that brought a byte", () => {
  const notes = new WriteNotes();
  notes.add(a, 100, 5, 5);
  notes.add(b, 200, 12, 7);
  expect(at(notes, 0, 4, 5, 11, 12)).toEqual([
    [10, 100],
    [10, 100],
    [11, 200],
    [11, 200],
    undefined,
  ]);
});

test("WriteNotes finds a write that is noted after it was asked for", () => {
  const notes = new WriteNotes();
  expect(at(notes, 2)).toEqual([undefined]);
  notes.add(a, 100, 5, 5);
  expect(at(notes, 2)).toEqual([[10, 100]]);
});

test("WriteNotes keeps the order of bytes when two writers report in the other order", () => {
  const notes = new WriteNotes();
  notes.add(a, 300, 30, 10);
  notes.add(b, 200, 20, 10);
  notes.add(a, 100, 10, 10);
  notes.add(b, 400, 40, 10);
  expect(at(notes, 5, 15, 25, 35)).toEqual([
    [10, 100],
    [11, 200],
    [10, 300],
    [11, 400],
  ]);
});

test("WriteNotes knows nothing of bytes whose note was lost", () => {
  const notes = new WriteNotes();
  notes.add(a, 100, 5, 5);
  notes.add(b, 300, 30, 10);
  expect(at(notes, 4, 5, 19, 20)).toEqual([[10, 100], undefined, undefined, [11, 300]]);
});

test("WriteNotes places writes behind bytes that lay in the channel before", () => {
  const notes = new WriteNotes();
  notes.shift(100);
  notes.add(a, 1, 5, 5);
  expect(notes.ahead).toBe(100);
  expect(at(notes, 99, 100, 104, 105)).toEqual([undefined, [10, 1], [10, 1], undefined]);
});

test("WriteNotes answers the last of 20,000 writes that nobody read, not the first", () => {
  const notes = new WriteNotes();
  for (let n = 1; n <= 20_000; n++) notes.add(a, n, n * 10, 10);
  expect(at(notes, 5)).toEqual([undefined]);
  expect(at(notes, 19_999 * 10 + 5, 20_000 * 10)).toEqual([[10, 20_000], undefined]);
});

test("WriteNotes finds each of 30,000 writes that are read in turn", () => {
  const notes = new WriteNotes();
  const times: unknown[] = [];
  for (let n = 1; n <= 30_000; n++) {
    notes.add(a, n, n * 10, 10);
    times.push(notes.at(n * 10 - 1)?.timeNs);
  }
  expect(times).toEqual(Array.from({ length: 30_000 }, (_, index) => index + 1));
});

test("WriteNotes finds the write of every byte for any sizes of writes and steps of reading", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(sizes, fc.integer({ min: 1, max: 60 }), (writes, step) => {
      const notes = new WriteNotes();
      const owners: number[] = [];
      writes.forEach((length, index) => {
        owners.push(...Array<number>(length).fill(index));
        notes.add(a, index, owners.length, length);
      });
      for (let position = 0; position < owners.length; position += step) {
        expect(notes.at(position)?.timeNs).toBe(owners[position] ?? -1);
      }
    }),
  );
});
