import { expect, test } from "bun:test";
import { Niceness } from "../../../src/live/niceness.ts";

const MAIN = 7;
const RING = 16 << 20;

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
  return { niceness, state, levels: () => [...levels.values()] };
}

test("Niceness is nice from the beginning, with all threads, and itself at the end", () => {
  const { niceness, levels } = make({ usual: 2 });
  niceness.begin();
  expect(levels()).toEqual([12, 12]);
  niceness.end();
  expect(levels()).toEqual([2, 2]);
});

test("Niceness never goes beyond the nicest there is", () => {
  const { niceness, levels } = make({ usual: 15 });
  niceness.begin();
  expect(levels()).toEqual([19, 19]);
});

test("Niceness hurries when much comes at once, until little has come for a second", () => {
  const { niceness, state, levels } = make();
  niceness.begin();
  niceness.taken(100_000);
  expect(levels()).toEqual([10, 10]);
  niceness.taken(300_000);
  expect(levels()).toEqual([0, 0]);
  state.nowMs = 900;
  niceness.taken(300_000);
  state.nowMs = 1_800;
  niceness.taken(100);
  expect(levels()).toEqual([0, 0]);
  state.nowMs = 1_901;
  niceness.taken(100);
  expect(levels()).toEqual([10, 10]);
});

test("Niceness leaves things as they are where the ring is small", () => {
  const { niceness, levels } = make({ ring: 64 << 10 });
  niceness.begin();
  expect(levels()).toEqual([0, 0]);
});

test("Niceness is over at its end", () => {
  const { niceness, state, levels } = make();
  niceness.begin();
  niceness.end();
  state.nowMs = 10_000;
  niceness.taken(100);
  expect(levels()).toEqual([0, 0]);
});

test("Niceness stays as it is where it could not go back", () => {
  const { niceness, levels } = make({ mayLower: false });
  niceness.begin();
  niceness.taken(1 << 20);
  niceness.end();
  expect(levels()).toEqual([0, 0]);
});

test("Niceness sets the thread that it is told of, in the kernel", () => {
  const before = Bun.spawnSync(["nice"]).stdout.toString();
  const niceness = new Niceness(RING);
  niceness.begin();
  const during = Bun.spawnSync(["nice"]).stdout.toString();
  niceness.end();
  expect([Number(during), Number(Bun.spawnSync(["nice"]).stdout.toString())]).toEqual([
    Math.min(19, Number(before) + 10),
    Number(before),
  ]);
});
