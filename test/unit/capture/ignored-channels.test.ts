import { expect, test } from "bun:test";
import { IgnoredChannels } from "../../../src/capture/ignored-channels.ts";
import { ASIDE, ASIDE_SLOTS, IGNORED_SLOTS } from "../../../src/capture/layout.ts";

const ADDRESS = 0xffff_8881_0123_4000n;
const IGNORED_AT = 64;
const ASIDES_AT = IGNORED_AT + IGNORED_SLOTS * 8;

/** The kernel's memory, and what the program finds there for a process, as bpf/io.h looks it up. */
function setUp() {
  const memory = new DataView(new ArrayBuffer(ASIDES_AT + ASIDE_SLOTS * ASIDE.size));
  const offsets: Readonly<Record<string, number>> = { ignored: IGNORED_AT, asides: ASIDES_AT };
  const table = new IgnoredChannels(memory, (name) => offsets[name] ?? Number.NaN);
  /** Lifts what the process answers by; returns whether anything was lifted. */
  const ask = (pid: number): boolean => {
    const aside = ASIDES_AT + (pid % ASIDE_SLOTS) * ASIDE.size;
    if (memory.getUint32(aside + ASIDE.tgid, true) !== pid) return false;
    const slot = IGNORED_AT + memory.getUint32(aside + ASIDE.slot, true) * 8;
    const key = memory.getBigUint64(aside + ASIDE.key, true);
    if (memory.getBigUint64(slot, true) !== key) return false;
    memory.setBigUint64(slot, 0n, true);
    return true;
  };
  return { table, ask };
}

test("IgnoredChannels ignores the channel of one address and generation, until it is let go", () => {
  const { table } = setUp();
  table.set(ADDRESS, 7, true);
  expect([table.has(ADDRESS, 7), table.has(ADDRESS, 8)]).toEqual([true, false]);
  table.set(ADDRESS, 8, false);
  expect(table.has(ADDRESS, 7)).toBe(true);
  table.set(ADDRESS, 7, false);
  expect(table.has(ADDRESS, 7)).toBe(false);
});

test("IgnoredChannels lets the kernel lift what a process writes, and no other's", () => {
  const { table, ask } = setUp();
  table.set(ADDRESS, 7, true, 4711);
  table.set(ADDRESS + 64n, 9, true);
  expect([ask(4712), ask(4711 + ASIDE_SLOTS), table.has(ADDRESS, 7)]).toEqual([false, false, true]);
  expect([ask(4711), table.has(ADDRESS, 7), table.has(ADDRESS + 64n, 9)]).toEqual([
    true,
    false,
    true,
  ]);
  expect(ask(4711)).toBe(false);
});

test("IgnoredChannels has the later of two processes that share a slot", () => {
  const { table, ask } = setUp();
  table.set(ADDRESS, 7, true, 100);
  table.set(ADDRESS + 64n, 9, true, 100 + ASIDE_SLOTS);
  expect([ask(100), ask(100 + ASIDE_SLOTS)]).toEqual([false, true]);
});
