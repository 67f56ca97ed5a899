import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Channel, Process, WriteNote } from "../../../src/capture/types.ts";
import { SenderStage } from "../../../src/framing/sender.ts";
import type { Frame, FramingItem } from "../../../src/framing/types.ts";
import { pidOf } from "../stream/events.ts";
import { channelEnd, makeChannel, makeProcess } from "./items.ts";

const MS = 1_000_000;
const reader = makeProcess(20);
const writer = makeProcess(10);

/** A channel whose notes a test writes by hand: the position of a byte → the write that brought it. */
function makeNoted(likely?: Process): { channel: Channel; notes: Map<number, WriteNote> } {
  const notes = new Map<number, WriteNote>();
  const channel: Channel = {
    ...makeChannel("pipe:1"),
    noteAt: (position) => notes.get(position),
    likelyWriter: () => likely,
  };
  return { channel, notes };
}

function frame(channel: Channel, endPosition: number, timeNs: number): Frame {
  return {
    kind: "frame",
    channel,
    text: `{"n":${endPosition}}`,
    bytes: 10,
    endPosition,
    timeNs,
    reader,
    sender: undefined,
    sentNs: undefined,
    flags: [],
  };
}

function tick(timeNs: number): FramingItem {
  return { kind: "tick", timeNs };
}

/** [end position, sender's pid, time sent] of frames, other items by their kind. */
function brief(items: readonly FramingItem[]): unknown[] {
  return items.map((item) =>
    item.kind === "frame" ? [item.endPosition, pidOf(item.sender), item.sentNs] : item.kind,
  );
}

test("SenderStage gives a frame the write of its last byte", () => {
  const { channel, notes } = makeNoted();
  notes.set(9, { writer, timeNs: 5 * MS });
  const stage = new SenderStage();
  expect(brief(stage.push(frame(channel, 10, 6 * MS)))).toEqual([[10, 10, 5 * MS]]);
  expect(stage.isHolding).toBe(false);
});

test("SenderStage holds a frame until its note has come, and what follows with it", () => {
  const { channel, notes } = makeNoted();
  const other = makeNoted();
  other.notes.set(4, { writer: reader, timeNs: 6 * MS });
  const stage = new SenderStage();
  expect(stage.push(frame(channel, 10, 6 * MS))).toEqual([]);
  expect(stage.push(frame(other.channel, 5, 7 * MS))).toEqual([]);
  expect(stage.push({ kind: "noise", channel, bytes: 3, of: "text" })).toEqual([]);
  expect(stage.isHolding).toBe(true);
  notes.set(9, { writer, timeNs: 5 * MS });
  expect(brief(stage.push(tick(8 * MS)))).toEqual([
    [10, 10, 5 * MS],
    [5, 20, 6 * MS],
    "noise",
    "tick",
  ]);
  expect(stage.isHolding).toBe(false);
});

test("SenderStage lets a frame go 10 ms of kernel time after its read, not before", () => {
  const { channel } = makeNoted(writer);
  const stage = new SenderStage();
  expect(stage.push(frame(channel, 10, 6 * MS))).toEqual([]);
  expect(stage.push(tick(16 * MS - 1))).toEqual([]);
  expect(brief(stage.push(tick(16 * MS)))).toEqual([[10, 10, undefined], "tick", "tick"]);
});

test("SenderStage takes records of other channels for time that passed, too", () => {
  const { channel } = makeNoted(writer);
  const other = makeNoted();
  other.notes.set(4, { writer: reader, timeNs: 20 * MS });
  const stage = new SenderStage();
  stage.push(frame(channel, 10, 6 * MS));
  expect(brief(stage.push(frame(other.channel, 5, 20 * MS)))).toEqual([
    [10, 10, undefined],
    [5, 20, 20 * MS],
  ]);
});

test("SenderStage waits on while only ends and losses tell of time: they are no records of the ring", () => {
  const { channel, notes } = makeNoted();
  const stage = new SenderStage();
  const other = makeChannel("pipe:2");
  stage.push(frame(channel, 10, 6 * MS));
  stage.push({ kind: "loss", channel: other, bytes: 1, reason: "ring_full", timeNs: 900 * MS });
  expect(stage.push(channelEnd(other, 0, 900 * MS))).toEqual([]);
  notes.set(9, { writer, timeNs: 15 * MS });
  expect(brief(stage.push(tick(16 * MS)))).toEqual([[10, 10, undefined], "loss", "end", "tick"]);
});

test("SenderStage holds a frame that was read late only as long as others", () => {
  const { channel } = makeNoted(writer);
  const stage = new SenderStage();
  stage.push(tick(100 * MS));
  expect(brief(stage.push(frame(channel, 10, 50 * MS)))).toEqual([[10, 10, undefined]]);
});

test("SenderStage is not led astray by a time that goes back", () => {
  const { channel } = makeNoted(writer);
  const stage = new SenderStage();
  expect(stage.push(frame(channel, 10, 6 * MS))).toEqual([]);
  expect(stage.push(tick(2 * MS))).toEqual([]);
  expect(brief(stage.push(tick(16 * MS)))).toEqual([[10, 10, undefined], "tick", "tick"]);
});

test("SenderStage waits 300 ms for a channel's first writer, once", () => {
  const { channel } = makeNoted();
  const stage = new SenderStage();
  expect(stage.push(frame(channel, 10, 6 * MS))).toEqual([]);
  expect(stage.push(tick(306 * MS - 1))).toEqual([]);
  expect(brief(stage.push(tick(306 * MS))).at(0)).toEqual([10, undefined, undefined]);
  expect(stage.push(frame(channel, 20, 310 * MS))).toEqual([]);
  expect(brief(stage.push(tick(320 * MS)))).toEqual([[20, undefined, undefined], "tick"]);
});

test("SenderStage names nobody where nobody is known to write", () => {
  const stage = new SenderStage();
  expect(stage.push(frame(makeChannel("pipe:1"), 10, 6 * MS))).toEqual([]);
  expect(brief(stage.end())).toEqual([[10, undefined, undefined]]);
});

test("SenderStage names the last known writer where no other can be asked for", () => {
  const channel = { ...makeChannel("pipe:1"), writer };
  const stage = new SenderStage();
  stage.push(frame(channel, 10, 6 * MS));
  expect(brief(stage.push(tick(20 * MS)))).toEqual([[10, 10, undefined], "tick"]);
});

test("SenderStage tells no time for a write that returned after the read", () => {
  const { channel, notes } = makeNoted();
  notes.set(9, { writer, timeNs: 6 * MS + 1 });
  const stage = new SenderStage();
  expect(brief(stage.push(frame(channel, 10, 6 * MS)))).toEqual([[10, 10, undefined]]);
});

test("SenderStage takes a write that returned when the read did for sent before", () => {
  const { channel, notes } = makeNoted();
  notes.set(9, { writer, timeNs: 6 * MS });
  const stage = new SenderStage();
  expect(brief(stage.push(frame(channel, 10, 6 * MS)))).toEqual([[10, 10, 6 * MS]]);
});

test("SenderStage gives out all that it holds at the end", () => {
  const { channel } = makeNoted();
  const stage = new SenderStage();
  stage.push(frame(channel, 10, 6 * MS));
  stage.push(channelEnd(channel));
  stage.push(frame(channel, 20, 7 * MS));
  expect(stage.end().map((item) => item.kind)).toEqual(["frame", "end", "frame"]);
  expect(stage.isHolding).toBe(false);
  expect(stage.end()).toEqual([]);
});

/** A step of time, a frame on one of two channels, a note for a frame that was pushed or is to come. */
type Step =
  | { readonly what: "wait"; readonly ns: number }
  | { readonly what: "frame"; readonly on: 0 | 1 }
  | { readonly what: "note"; readonly on: 0 | 1; readonly ahead: number; readonly ageNs: number };

const on = fc.constantFrom<(0 | 1)[]>(0, 1);
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ what: fc.constant("wait"), ns: fc.nat(4 * MS) }),
  fc.record({ what: fc.constant("frame"), on }),
  fc.record({
    what: fc.constant("note"),
    on,
    ahead: fc.integer({ min: -3, max: 3 }),
    ageNs: fc.integer({ min: -2 * MS, max: 2 * MS }),
  }),
);

test("SenderStage keeps the order, holds 10 ms at most, and sends nothing after it was read", () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
      const stage = new SenderStage();
      const channels = [makeNoted(writer), makeNoted(writer)] as const;
      const ends: [number, number] = [0, 0];
      const pushed: FramingItem[] = [];
      const given: FramingItem[] = [];
      let nowNs = 100 * MS;
      const push = (item: FramingItem) => {
        pushed.push(item);
        given.push(...stage.push(item));
      };
      for (const step of steps) {
        if (step.what === "wait") {
          nowNs += step.ns;
          push(tick(nowNs));
        } else if (step.what === "frame") {
          ends[step.on] += 10;
          push(frame(channels[step.on].channel, ends[step.on], nowNs));
        } else {
          const position = ends[step.on] + step.ahead * 10 - 1;
          channels[step.on].notes.set(position, { writer, timeNs: nowNs - step.ageNs });
        }
        const held = pushed.slice(given.length).filter((item) => item.kind === "frame");
        for (const item of held) expect(nowNs - item.timeNs).toBeLessThan(10 * MS);
      }
      given.push(...stage.end());
      expect(given.length).toBe(pushed.length);
      expect(given.every((item, at) => item === pushed[at])).toBe(true);
      for (const item of given) {
        if (item.kind !== "frame" || item.sentNs === undefined) continue;
        expect(item.sentNs).toBeLessThanOrEqual(item.timeNs);
      }
    }),
    { numRuns: 300 },
  );
});

test("SenderStage waits for no note of a channel whose writes are unplaced, and gives no time", () => {
  const { channel } = makeNoted(writer);
  const stage = new SenderStage();
  const unplaced = { ...channel, unplaced: true };
  expect(brief(stage.push(frame(unplaced, 10, 5 * MS)))).toEqual([[10, writer.pid, undefined]]);
});

test("SenderStage waits for the note of another writer where the last one has ended", () => {
  const { channel } = makeNoted(writer);
  const stage = new SenderStage();
  const ended = { ...writer, exit: { timeNs: 4 * MS, code: 0, signal: undefined } };
  const unplaced = { ...channel, unplaced: true, writer: ended };
  expect(stage.push(frame(unplaced, 10, 5 * MS))).toEqual([]);
});
