import { expect, test } from "bun:test";
import type { ExchangeItem } from "../../../src/exchange/types.ts";
import { type Collection, Collector } from "../../../src/live/collector.ts";
import { messageLine } from "../sinks/items.ts";

function collections(...batches: readonly (readonly [number, readonly ExchangeItem[]])[]): number {
  let count = 0;
  const collector = new Collector(() => {
    count += 1;
  });
  for (const [records, items] of batches) collector.note(records, items);
  return count;
}

function message(bytes: number): ExchangeItem {
  const line = messageLine();
  return { ...line, message: { ...line.message, bytes } };
}

test("Collector collects once per 28,672 records that became nothing larger", () => {
  expect(collections(...Array.from({ length: 10 }, () => [14_336, []] as const))).toBe(5);
});

test("Collector collects once per 14 MiB of messages", () => {
  expect(collections(...Array.from({ length: 70 }, () => [0, [message(1 << 20)]] as const))).toBe(
    5,
  );
});

test("Collector collects at once behind a line of many megabytes, not while its pieces come", () => {
  expect(collections([1000, []], [1000, []], [1, [message(8 << 20)]], [1, [message(200)]])).toBe(1);
});

test("Collector gives memory back behind a large line, and only there", () => {
  const made: Collection[] = [];
  const collector = new Collector((what) => made.push(what));
  collector.note(1, [message((4 << 20) + 1)]);
  collector.note(28_672, [message(200)]);
  expect(made).toEqual(["release", "young"]);
});

test("Collector collects before a large line is parsed, and before no other", () => {
  const made: Collection[] = [];
  const collector = new Collector((what) => made.push(what));
  collector.framed(4 << 20);
  expect(made).toEqual([]);
  collector.framed((4 << 20) + 1);
  expect(made).toEqual(["release"]);
});

test("Collector looks through all there is once in four times", () => {
  const made: Collection[] = [];
  const collector = new Collector((what) => made.push(what));
  for (let n = 0; n < 8; n++) collector.note(28_672, []);
  const four: readonly Collection[] = ["young", "young", "young", "all"];
  expect(made).toEqual([...four, ...four]);
});
