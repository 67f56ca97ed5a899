import { expect, test } from "bun:test";
import type { Channel, LossReason } from "../../../src/capture/types.ts";
import { LossGate } from "../../../src/message/loss-gate.ts";
import { MessageStage } from "../../../src/message/message-stage.ts";
import type { MessageItem } from "../../../src/message/types.ts";
import { channelEnd, makeChannel, makeProcess } from "../framing/items.ts";

const reader = makeProcess(20);

function loss(channel: Channel | undefined, reason: LossReason, bytes: number): MessageItem {
  return { kind: "loss", channel, bytes, reason, timeNs: 1 };
}

/** A message as the message room reads it from a line. */
function message(channel: Channel): MessageItem {
  const text = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
  const [read] = new MessageStage().push({
    kind: "frame",
    channel,
    text,
    bytes: 41,
    endPosition: 41,
    timeNs: 1,
    reader,
    sender: undefined,
    sentNs: undefined,
    flags: [],
  });
  if (read?.kind !== "message") throw new Error(`"${text}" is no message`);
  return read;
}

/** Pushes all and ends. Losses as [channel, reason, bytes], other items by kind. */
function run(...items: readonly MessageItem[]): unknown[] {
  const gate = new LossGate();
  return brief([...items.flatMap((item) => [...gate.push(item)]), ...gate.end()]);
}

function brief(items: readonly MessageItem[]): unknown[] {
  return items.map((item) =>
    item.kind === "loss" ? [item.channel?.id, item.reason, item.bytes] : item.kind,
  );
}

const a = makeChannel("pipe:1");
const b = makeChannel("pipe:2");

test("LossGate lets losses of a channel with messages through in their place", () => {
  expect(run(message(a), loss(a, "fault", 5), message(a), loss(a, "ring_full", 6))).toEqual([
    "message",
    ["pipe:1", "fault", 5],
    "message",
    ["pipe:1", "ring_full", 6],
  ]);
});

test("LossGate keeps losses back until the channel's first message, which they precede", () => {
  const gate = new LossGate();
  expect(gate.push(loss(a, "started_before_attach", 5))).toEqual([]);
  expect(gate.push(loss(a, "cut_by_gap", 6))).toEqual([]);
  expect(brief(gate.push(message(a)))).toEqual([
    ["pipe:1", "started_before_attach", 5],
    ["pipe:1", "cut_by_gap", 6],
    "message",
  ]);
  expect(brief(gate.push(message(a)))).toEqual(["message"]);
});

test("LossGate keeps the losses of one channel apart from the messages of another", () => {
  expect(run(loss(a, "fault", 5), message(b), loss(b, "fault", 6), channelEnd(a))).toEqual([
    "message",
    ["pipe:2", "fault", 6],
    "end",
  ]);
});

test("LossGate says nothing of losses on a channel that never had a message", () => {
  expect(run(loss(a, "cut_by_gap", 5), loss(a, "unread", 6), channelEnd(a))).toEqual(["end"]);
});

test("LossGate tells, at the end of a silent channel, what may have been a whole session, and all that it cut off", () => {
  expect(
    run(
      loss(a, "ring_full", 5),
      loss(a, "cut_by_gap", 6),
      loss(a, "unseen_read", 7),
      loss(a, "unread", 8),
      channelEnd(a),
    ),
  ).toEqual([
    ["pipe:1", "ring_full", 5],
    ["pipe:1", "cut_by_gap", 6],
    ["pipe:1", "unseen_read", 7],
    ["pipe:1", "unread", 8],
    "end",
  ]);
});

test("LossGate tells of a noisy channel only what may have been anything", () => {
  const noise: MessageItem = { kind: "noise", channel: a, bytes: 20, of: "text" };
  expect(run(noise, loss(a, "ring_full", 5), loss(a, "cut_by_gap", 6), channelEnd(a))).toEqual([
    "noise",
    ["pipe:1", "ring_full", 5],
    "end",
  ]);
});

test("LossGate tells what nobody ever read when it begins like a message", () => {
  const channel = {
    ...makeChannel("pipe:3"),
    opening: '{"jsonrpc":"2.0","id":0,"met',
  };
  const log = { ...makeChannel("pipe:4"), opening: '{"level":"info","msg":"hello"}' };
  expect(
    run(loss(channel, "unread", 8), channelEnd(channel), loss(log, "unread", 9), channelEnd(log)),
  ).toEqual([["pipe:3", "unread", 8], "end", "end"]);
});

test("LossGate tells of a first line without an end when it begins like a message", () => {
  const opening = '{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11';
  const server = { ...makeChannel("pipe:5"), opening };
  const log = { ...makeChannel("pipe:6"), opening: '{"level":"info","msg":"hello"}' };
  expect(
    run(
      ...[loss(server, "unfinished_line", 8), channelEnd(server)],
      ...[loss(log, "unfinished_line", 9), channelEnd(log)],
    ),
  ).toEqual([["pipe:5", "unfinished_line", 8], "end", "end"]);
});

test("LossGate takes a channel with whole lines that are no message for what it is", () => {
  const stream = { ...makeChannel("pipe:7"), opening: '{"id":1,"name":"a"}\n{"id":2,"na' };
  const noise: MessageItem = { kind: "noise", channel: stream, bytes: 20, of: "text" };
  expect(run(noise, loss(stream, "unfinished_line", 8), channelEnd(stream))).toEqual([
    "noise",
    "end",
  ]);
});

test("LossGate tells that at the end of the run, too, and only once", () => {
  const gate = new LossGate();
  gate.push(loss(a, "ring_full", 5));
  gate.push(loss(b, "fault", 6));
  expect(brief(gate.end())).toEqual([["pipe:1", "ring_full", 5]]);
  expect(gate.end()).toEqual([]);
});

test("LossGate lets through what no channel can be named for", () => {
  expect(run(loss(undefined, "ring_full", 5))).toEqual([[undefined, "ring_full", 5]]);
});

test("LossGate lets everything else through at once", () => {
  expect(
    run(
      { kind: "noise", channel: a, bytes: 5, of: "text" },
      { kind: "set-aside", channel: a, timeNs: 0 },
      { kind: "tick", timeNs: 1 },
      { kind: "process-end", process: reader, timeNs: 1 },
    ),
  ).toEqual(["noise", "set-aside", "tick", "process-end"]);
});

test("LossGate loses no byte while it adds losses of one reason up", () => {
  const many = Array.from({ length: 100_000 }, (_, n) => loss(a, "line_too_long", n % 7));
  const gate = new LossGate();
  expect(many.flatMap((each) => [...gate.push(each)])).toEqual([]);
  expect(brief(gate.push(message(a)))).toEqual([["pipe:1", "line_too_long", 299_995], "message"]);
});

test("LossGate keeps reasons apart while it adds up", () => {
  const told = run(
    loss(a, "cut_by_gap", 1),
    loss(a, "ring_full", 2),
    loss(a, "ring_full", 3),
    loss(a, "cut_by_gap", 4),
    message(a),
  );
  const sums = new Map<unknown, number>();
  for (const each of told) {
    if (!Array.isArray(each)) continue;
    sums.set(each[1], (sums.get(each[1]) ?? 0) + Number(each[2]));
  }
  expect(Object.fromEntries(sums)).toEqual({ cut_by_gap: 5, ring_full: 5 });
  expect(told.at(-1)).toBe("message");
});

test("LossGate keeps its memory bounded while two reasons take turns on a silent channel", () => {
  const gate = new LossGate();
  for (let n = 0; n < 200_000; n++) {
    gate.push(loss(a, n % 2 === 0 ? "ring_full" : "cut_by_gap", 1));
  }
  expect(gate.push(message(a)).length).toBeLessThan(1_000);
});

test("LossGate forgets a channel at its end: losses of the next one with its name wait again", () => {
  const gate = new LossGate();
  gate.push(message(a));
  gate.push(channelEnd(a));
  expect(gate.push(loss(a, "fault", 5))).toEqual([]);
});

test("LossGate tells of losses rather than keep them for more than 10,000 channels", () => {
  const gate = new LossGate();
  const channels = Array.from({ length: 20_000 }, (_, n) => makeChannel(`pipe:${n}`));
  const told = channels.flatMap((channel) => [...gate.push(loss(channel, "fault", 1))]);
  expect(told.length).toBe(10_000);
  expect(brief(told.slice(-1))).toEqual([["pipe:19999", "fault", 1]]);
});

test("LossGate tells nothing of a pipe by which a process wakes itself", () => {
  const own = { ...makeChannel("pipe:1"), reader, writer: reader };
  expect(run(loss(own, "ring_full", 1), channelEnd(own))).toEqual(["end"]);
  const other = { ...makeChannel("pipe:2"), reader, writer: makeProcess(21) };
  expect(run(loss(other, "ring_full", 1), channelEnd(other))).toHaveLength(2);
});
