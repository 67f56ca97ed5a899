import { expect, jest, test } from "bun:test";
import { type Skipping, TwinWatch } from "../../../src/live/twin.ts";

/** A kernel that has skipped `skips` runs, and what it is told. */
function fakeKernel(state: { skips: number; hasTwins: boolean }): {
  kernel: Skipping;
  told: string[];
} {
  const told: string[] = [];
  const kernel: Skipping = {
    get hasTwins() {
      return state.hasTwins;
    },
    firstCopySkips: () => state.skips,
    announceTwin: () => void told.push("announce"),
    attachTwin: () => void told.push("attach"),
  };
  return { kernel, told };
}

test("TwinWatch attaches the second copy once the kernel skips, a while after it told the first", () => {
  jest.useFakeTimers();
  try {
    const state = { skips: 0, hasTwins: false };
    const { kernel, told } = fakeKernel(state);
    const watch = new TwinWatch(kernel);
    watch.chores();
    expect(told).toEqual([]);
    state.skips = 1;
    watch.chores();
    watch.chores();
    expect(told).toEqual(["announce"]);
    jest.advanceTimersByTime(1_000);
    watch.chores();
    expect(told).toEqual(["announce", "attach"]);
  } finally {
    jest.useRealTimers();
  }
});

test("TwinWatch has nothing to do where both copies are attached", () => {
  const { kernel, told } = fakeKernel({ skips: 5, hasTwins: true });
  new TwinWatch(kernel).chores();
  expect(told).toEqual([]);
});
