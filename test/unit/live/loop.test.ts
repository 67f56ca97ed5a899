import { expect, test } from "bun:test";
import type { KernelEvent } from "../../../src/capture/types.ts";
import type { CoverageLine } from "../../../src/exchange/types.ts";
import { Loop, type LoopParts } from "../../../src/live/loop.ts";
import type { PipelineInput } from "../../../src/live/pipeline.ts";
import type { Subject } from "../../../src/live/subject.ts";
import { data, io } from "../stream/events.ts";

const MS = 1_000_000;
const MANY_BYTES = 1 << 20;

const LINE: CoverageLine = {
  kind: "coverage",
  reason: "a line",
  channel: undefined,
  process: undefined,
  bytes: 0,
  timeNs: 0,
};

interface FakeBatch {
  readonly events: readonly KernelEvent[];
  readonly bytes: number;
  /** What the rooms make of it. */
  readonly lines?: number;
}

/** A world in which each look into the ring finds the next batch, and the loop is stopped when it waits behind the last. */
function setUp(
  batches: readonly FakeBatch[],
  subjects: readonly Subject[] = [],
  over: Partial<LoopParts> = {},
) {
  const left = [...batches];
  const state = { nowNs: 1_000 * MS, isHolding: false, waits: 3 };
  const log: string[] = [];
  const pushed: PipelineInput[] = [];
  const waited: number[] = [];
  let lines = 0;
  const loop: Loop = new Loop({
    records: {
      drain: (begin, visit) => {
        const batch = left.shift();
        if (batch === undefined) return { bytes: 0, records: 0 };
        begin(batch.bytes);
        lines += batch.lines ?? 0;
        for (const event of batch.events) visit(event);
        return { bytes: batch.bytes, records: batch.events.length };
      },
      get isQuiet() {
        return left.length === 0;
      },
    },
    rooms: {
      push: (event) => {
        pushed.push(event);
        log.push(`push ${event.kind}`);
      },
      take: () => {
        const taken = Array.from({ length: lines }, () => LINE);
        lines = 0;
        return taken;
      },
      get isHolding() {
        return state.isHolding;
      },
    },
    subjects,
    niceness: {
      begin: () => undefined,
      taken: () => undefined,
      end: () => undefined,
    },
    wake: {
      heard: () => void log.push("heard"),
      wait: async (mostMs) => {
        waited.push(mostMs);
        state.nowNs += 100 * MS;
        state.waits -= 1;
        if (state.waits === 0) loop.stop();
      },
      breathe: () => void log.push("breathe"),
      poke: () => undefined,
    },
    nowNs: () => state.nowNs,
    write: async (items, records) => {
      if (items.length + records > 0) log.push(`write ${items.length} of ${records}`);
    },
    ...over,
  });
  return { loop, state, log, pushed, waited, left };
}

/** Notes what it is asked to do. */
class Recorder implements Subject {
  readonly seen: string[] = [];
  readonly everyNs: number;

  constructor(everyNs: number) {
    this.everyNs = everyNs;
  }

  observe(event: KernelEvent): void {
    this.seen.push(event.kind);
  }

  chores(nowNs: number): void {
    this.seen.push(`chores at ${nowNs / MS}`);
  }
}

test("Loop pushes every event through the rooms, and shows the subjects all but data and notes", async () => {
  const seen: string[] = [];
  const subject: Subject = { observe: (event) => void seen.push(event.kind) };
  const events = [data("x"), io("note"), io("eof"), io("broken")];
  const { loop, log } = setUp([{ events, bytes: 100, lines: 2 }], [subject]);
  await loop.run(Number.POSITIVE_INFINITY);
  expect(log.slice(0, 6)).toEqual([
    "heard",
    "push data",
    "push note",
    "push eof",
    "push broken",
    "write 2 of 4",
  ]);
  expect(seen).toEqual(["eof", "broken"]);
});

test("Loop has chores done no more often than their subject wants", async () => {
  const [often, seldom] = [new Recorder(0), new Recorder(150 * MS)];
  const { loop } = setUp([], [often, seldom]);
  await loop.run(Number.POSITIVE_INFINITY);
  expect(often.seen).toEqual(["chores at 1000", "chores at 1100", "chores at 1200"]);
  expect(seldom.seen).toEqual(["chores at 1000", "chores at 1200"]);
});

test("Loop does not wait behind a large batch, and does the chores all the same", async () => {
  const subject = new Recorder(0);
  const large = { events: [], bytes: MANY_BYTES };
  const { loop, log, waited, state } = setUp([large, large], [subject]);
  state.waits = 1;
  await loop.run(Number.POSITIVE_INFINITY);
  expect(log.filter((each) => each === "breathe").length).toBe(2);
  expect(subject.seen.length).toBe(3);
  expect(waited.length).toBe(1);
});

test("Loop tells the rooms the time 5 times a second, and never while the ring holds what is older", async () => {
  const few = { events: [], bytes: 10 };
  const { loop, pushed, state } = setUp([few, few]);
  state.waits = 6;
  await loop.run(Number.POSITIVE_INFINITY);
  // at 1000 ms a batch is left in the ring
  expect(pushed).toEqual([
    { kind: "tick", timeNs: 1_200 * MS },
    { kind: "tick", timeNs: 1_400 * MS },
  ]);
});

test.each([
  ["200 ms while lines come", { lines: 1 }, undefined, 200],
  ["1 s when none have come for a while", {}, undefined, 1000],
  ["until chores are due", {}, 1_600, 600],
  ["no less than 200 ms for chores that are due", {}, 900, 200],
])("Loop waits %s", async (_, batch, dueMs, waitMs) => {
  const subject: Subject = {
    chores: () => undefined,
    dueNs: dueMs === undefined ? Infinity : dueMs * MS,
  };
  const { loop, waited, state } = setUp([{ events: [], bytes: 10, ...batch }], [subject]);
  state.waits = 1;
  await loop.run(Number.POSITIVE_INFINITY);
  // a process that has run for less than 2 s is lively
  expect(waited).toEqual([performance.now() < 2_000 ? 200 : waitMs]);
});

test("Loop waits a moment only, and tells the time, while frames are held", async () => {
  const { loop, waited, pushed, state } = setUp([]);
  state.isHolding = true;
  state.waits = 2;
  await loop.run(Number.POSITIVE_INFINITY);
  expect(waited).toEqual([3, 3]);
  expect(pushed.map((each) => (each.kind === "tick" ? each.timeNs / MS : each.kind))).toEqual([
    1_000, 1_100, 1_200,
  ]);
});

test("Loop waits no longer than until a timer is to be let in", async () => {
  const { loop, waited, state } = setUp([{ events: [], bytes: 10, lines: 1 }]);
  state.waits = 1;
  await loop.run(30);
  expect(waited[0]).toBeGreaterThan(0);
  expect(waited[0]).toBeLessThanOrEqual(30);
});

test("Loop ends with what its output rejects with", async () => {
  const failure = new Error("disk full");
  const write = () => Promise.reject(failure);
  expect(setUp([], [], { write }).loop.run(Infinity)).rejects.toBe(failure);
});

test("Loop drains what is left when nothing new comes", async () => {
  const few = { events: [data("x")], bytes: 10, lines: 1 };
  const { loop, pushed } = setUp([few, few]);
  const written: [lines: number, records: number][] = [];
  await loop.drain(async (items, records) => void written.push([items.length, records]));
  expect(written).toEqual([
    [1, 1],
    [1, 1],
  ]);
  expect(pushed.length).toBe(2);
});

test("Loop waits, when it drains, for a record that is not finished yet", async () => {
  let looks = 0;
  const { loop } = setUp([], [], {
    records: {
      drain: () => (++looks === 3 ? { bytes: 10, records: 1 } : { bytes: 0, records: 0 }),
      get isQuiet() {
        return looks >= 3;
      },
    },
  });
  const written: number[] = [];
  await loop.drain(async (_, records) => void written.push(records));
  expect({ looks, written }).toEqual({ looks: 3, written: [1] });
});
