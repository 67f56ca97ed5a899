import { expect, jest, test } from "bun:test";
import type { Kernel } from "../../../src/capture/kernel.ts";
import { TwinWatch } from "../../../src/live/twin.ts";

/** A kernel that has skipped `skips` runs, and what it is told. */
function fakeKernel(state: { skips: number; hasTwins: boolean }): {
  kernel: Kernel;
  told: string[];
} {
  const told: string[] = [];
  const kernel: Kernel = Object.create(null, {
    hasTwins: { get: () => state.hasTwins },
    firstCopySkips: { value: () => state.skips },
    announceTwin: { value: () => told.push("announce") },
    attachTwin: { value: () => told.push("attach") },
  });
  return { kernel, told };
}

test("TwinWatch attaches the second copy once the kernel skips, a while after it told the first", () => {
  jest.useFakeTimers();
  try {
    const state = { skips: 0, hasTwins: false };
    const { kernel, told } = fakeKernel(state);
    const watch = new TwinWatch(kernel);
    watch.check();
    expect(told).toEqual([]);
    state.skips = 1;
    watch.check();
    watch.check();
    expect(told).toEqual(["announce"]);
    jest.advanceTimersByTime(1_000);
    watch.check();
    expect(told).toEqual(["announce", "attach"]);
  } finally {
    jest.useRealTimers();
  }
});

test("TwinWatch has nothing to do where both copies are attached", () => {
  const { kernel, told } = fakeKernel({ skips: 5, hasTwins: true });
  new TwinWatch(kernel).check();
  expect(told).toEqual([]);
});
