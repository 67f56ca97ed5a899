import { expect, test } from "bun:test";
import { callAfter } from "../../../src/live/timer.ts";

/** Runs what is due at once, and notes how long it would have waited. */
function waitsOf(ms: number): { readonly waits: readonly number[]; readonly calls: number } {
  const waits: number[] = [];
  let calls = 0;
  const set = (act: () => void, delay: number) => {
    waits.push(delay);
    act();
    return setTimeout(() => undefined, 0);
  };
  callAfter(ms, () => calls++, set);
  return { waits, calls };
}

test("callAfter waits 30 days in steps that a timer takes, and calls once", () => {
  const days30 = 30 * 24 * 3_600_000;
  expect(waitsOf(days30)).toEqual({
    waits: [2_147_483_647, days30 - 2_147_483_647],
    calls: 1,
  });
});

test("callAfter waits once for what a timer takes", () => {
  expect(waitsOf(1500)).toEqual({ waits: [1500], calls: 1 });
});

test("callAfter calls nobody once it is stopped", async () => {
  let calls = 0;
  callAfter(1, () => calls++)();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(calls).toBe(0);
});
