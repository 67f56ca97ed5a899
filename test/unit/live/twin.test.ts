import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { BpfError } from "../../../ffi/errors.ts";
import { type Skipping, TwinWatch } from "../../../src/live/twin.ts";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

interface State {
  readonly hasTwins: boolean;
  readonly wantsTwin: boolean;
  skips: number;
  isLoaded: boolean;
  /** Of the steps that are asked for. */
  left: number;
  failsWith: Error | undefined;
}

function setUp(over: Partial<State> = {}) {
  const state: State = {
    hasTwins: false,
    wantsTwin: false,
    skips: 0,
    isLoaded: true,
    left: 3,
    failsWith: undefined,
    ...over,
  };
  const told: string[] = [];
  const kernel: Skipping = {
    hasTwins: state.hasTwins,
    wantsTwin: state.wantsTwin,
    missing: [],
    firstCopySkips: () => state.skips,
    beginTwin: () => void told.push("begin"),
    advanceTwin: () => {
      if (!state.isLoaded) return "loading";
      if (state.failsWith !== undefined) throw state.failsWith;
      told.push("step");
      state.left -= 1;
      return state.left > 0 ? "more" : "done";
    },
  };
  return { state, kernel, told, watch: new TwinWatch(kernel) };
}

test("TwinWatch brings the second copy once the kernel skips, in steps with pauses between them", () => {
  const { state, told, watch } = setUp({ isLoaded: false });
  watch.chores();
  expect(told).toEqual([]);
  state.skips = 1;
  watch.chores();
  watch.chores();
  jest.advanceTimersByTime(500);
  expect(told).toEqual(["begin"]);
  state.isLoaded = true;
  jest.advanceTimersByTime(99);
  expect(told).toEqual(["begin", "step"]);
  jest.advanceTimersByTime(10_000);
  watch.chores();
  expect(told).toEqual(["begin", "step", "step", "step"]);
});

test("TwinWatch brings it at once where the kernel is known to skip", () => {
  const { told, watch } = setUp({ wantsTwin: true });
  watch.chores();
  jest.advanceTimersByTime(10_000);
  expect(told).toEqual(["begin", "step", "step", "step"]);
});

test("TwinWatch has nothing to do where both copies are attached", () => {
  const { told, watch } = setUp({ skips: 5, hasTwins: true });
  watch.chores();
  expect(told).toEqual([]);
});

test("TwinWatch says when the kernel does not take it, and leaves it at that", () => {
  const failsWith = new BpfError("Cannot load the BPF programs", 12);
  const { kernel, told, watch } = setUp({ skips: 1, failsWith });
  watch.chores();
  jest.advanceTimersByTime(10_000);
  watch.chores();
  expect([told, kernel.missing]).toEqual([["begin"], ["exit_twin"]]);
});
