import { expect, test } from "bun:test";
import { Niceness, SYSTEM } from "../../../src/live/niceness.ts";

const MAIN = 7;
const RING = 16 << 20;
const LITTLE = 100_000;
const MUCH = 300_000;

/** Threads with their niceness, and a clock that a test sets. */
function make({ usual = 0, mayLower = true, ring = RING } = {}) {
  const levels = new Map([
    [MAIN, usual],
    [8, usual],
  ]);
  const state = { nowMs: 0 };
  const niceness = new Niceness(ring, MAIN, {
    get: (thread) => levels.get(thread) ?? 0,
    set: (thread, level) => void levels.set(thread, level),
    threads: () => [...levels.keys()],
    mayLower: () => mayLower,
    now: () => state.nowMs,
  });
  /** A batch at a time. */
  const taken = (nowMs: number, bytes: number) => {
    state.nowMs = nowMs;
    niceness.taken(bytes);
    return [...levels.values()];
  };
  return { niceness, taken, levels: () => [...levels.values()] };
}

test("Niceness is nice 10 s after the beginning, with all threads, and itself at the end", () => {
  const { niceness, taken, levels } = make({ usual: 2 });
  niceness.begin();
  expect(taken(9_999, LITTLE)).toEqual([2, 2]);
  expect(taken(10_001, LITTLE)).toEqual([12, 12]);
  niceness.end();
  expect(levels()).toEqual([2, 2]);
});

test("Niceness never goes beyond the nicest there is", () => {
  const { niceness, taken } = make({ usual: 15 });
  niceness.begin();
  expect(taken(10_001, LITTLE)).toEqual([19, 19]);
});

test("Niceness hurries when much comes at once, until little has come for a second", () => {
  const { niceness, taken } = make();
  niceness.begin();
  expect(taken(20_000, LITTLE)).toEqual([10, 10]);
  expect(taken(20_000, MUCH)).toEqual([0, 0]);
  taken(20_900, MUCH);
  expect(taken(21_800, LITTLE)).toEqual([0, 0]);
  expect(taken(21_901, LITTLE)).toEqual([10, 10]);
});

test("Niceness leaves things as they are where the ring is small", () => {
  const { niceness, taken } = make({ ring: 64 << 10 });
  niceness.begin();
  expect(taken(20_000, LITTLE)).toEqual([0, 0]);
});

test("Niceness is over at its end", () => {
  const { niceness, taken } = make();
  niceness.begin();
  niceness.end();
  expect(taken(20_000, LITTLE)).toEqual([0, 0]);
});

test("Niceness stays as it is where it could not go back", () => {
  const { niceness, taken, levels } = make({ mayLower: false });
  niceness.begin();
  expect(taken(20_000, LITTLE)).toEqual([0, 0]);
  niceness.end();
  expect(levels()).toEqual([0, 0]);
});

test("Niceness sets the threads of this process, in the kernel", () => {
  const nice = () => Number(Bun.spawnSync(["nice"]).stdout.toString());
  const before = nice();
  const state = { nowMs: 0 };
  const niceness = new Niceness(RING, process.pid, { ...SYSTEM, now: () => state.nowMs });
  niceness.begin();
  state.nowMs = 11_000;
  niceness.taken(LITTLE);
  const during = nice();
  niceness.end();
  expect([during, nice()]).toEqual([Math.min(19, before + 10), before]);
});
