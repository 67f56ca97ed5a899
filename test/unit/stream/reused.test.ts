/** Addresses of channels come again: what is said of the old one, and what must not be said of the new one. */
import { expect, test } from "bun:test";
import { type StreamInput, StreamStage } from "../../../src/stream/stream-stage.ts";
import { brief, closed, data, note, processes, READER, reused, WRITER } from "./events.ts";

function run(...items: readonly StreamInput[]): unknown[] {
  const stage = new StreamStage(processes());
  return brief([...items.flatMap((item) => [...stage.push(item)]), ...stage.end()]);
}

test("StreamStage ends a channel whose address now is another's, by its last counts", () => {
  const last = reused({ moved: 10, lost: 7, written: 16, unseen: 2 });
  expect(run(data("abc"), last, data("new", { generation: 4712 }))).toEqual([
    ["pipe:4711", 0, "abc"],
    ["pipe:4711", "ring_full", 7],
    ["pipe:4711", "end", 4],
    ["pipe:4712", 0, "new"],
  ]);
});

test("StreamStage ends a reused channel with nothing unread when writes were not counted", () => {
  expect(run(data("abc"), reused({ moved: 3, written: 0 }))).toEqual([
    ["pipe:4711", 0, "abc"],
    ["pipe:4711", "end", 0],
  ]);
});

test("StreamStage ignores the reuse of a channel that it does not know, or that is new already", () => {
  expect(run(reused(), data("a"), reused({ generation: 4710 }))).toEqual([["pipe:4711", 0, "a"]]);
});

test("StreamStage tells what a reused channel lost of which no record found room, and whose it was", () => {
  const stage = new StreamStage(processes());
  const out = stage.push(reused({ channelKind: "fifo", moved: 90, lost: 90, written: 95 }));
  expect(brief(out)).toEqual([
    ["fifo:4711", "ring_full", 90],
    ["fifo:4711", "end", 5],
  ]);
  const [gap] = out;
  const channel = gap?.kind === "gap" ? gap.channel : undefined;
  expect([channel?.reader?.pid, channel?.writer?.pid]).toEqual([READER, WRITER]);
  expect(stage.toldTwiceBytes).toBe(0);
});

test("StreamStage knows of a reused channel whether the filters wanted it", () => {
  const of = (wanted: boolean) => {
    const [gap] = new StreamStage(processes()).push(reused({ moved: 9, lost: 9, wanted }));
    return gap?.kind === "gap" && "wanted" in gap.channel ? gap.channel.wanted : undefined;
  };
  expect([of(true), of(false)]).toEqual([true, false]);
});

test("StreamStage leaves ends open that a reused channel's entry did not know", () => {
  const stage = new StreamStage(processes());
  const [gap] = stage.push(reused({ moved: 9, lost: 9, readerPid: 0, writerPid: 0 }));
  const channel = gap?.kind === "gap" ? gap.channel : undefined;
  expect([channel?.reader, channel?.writer]).toEqual([undefined, undefined]);
});

test("StreamStage hears once of a reuse that both ends tell", () => {
  const last = reused({ moved: 9, lost: 9, written: 9 });
  expect(run(last, last, data("a", { generation: 4712 }), last)).toEqual([
    ["pipe:4711", "ring_full", 9],
    ["pipe:4711", "end", 0],
    ["pipe:4712", 0, "a"],
  ]);
});

test("StreamStage ends a channel that another one follows unannounced, and says what the kernel counts again", () => {
  const stage = new StreamStage(processes());
  const events = [data("abc", { lost: 7 }), note(1, 1, { generation: 4712 })];
  expect(brief(events.flatMap((event) => [...stage.push(event)]))).toEqual([
    ["pipe:4711", "ring_full", 7],
    ["pipe:4711", 7, "abc"],
    ["pipe:4711", "end", 0],
  ]);
  expect(stage.toldTwiceBytes).toBe(7);
  stage.push(data("d", { generation: 4712, lost: 2 }));
  stage.push(closed({ generation: 4712, isReplaced: true }));
  expect(stage.toldTwiceBytes).toBe(9);
});

test("StreamStage counts lost bytes of a new channel from 0 at a reused address", () => {
  expect(
    run(
      data("a", { lost: 50 }),
      reused({ moved: 51, lost: 50, written: 51 }),
      data("b", { generation: 4712, lost: 8 }),
    ),
  ).toEqual([
    ["pipe:4711", "ring_full", 50],
    ["pipe:4711", 50, "a"],
    ["pipe:4711", "end", 0],
    ["pipe:4712", "ring_full", 8],
    ["pipe:4712", 8, "b"],
  ]);
});
