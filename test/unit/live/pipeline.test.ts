import { expect, test } from "bun:test";
import type { Channel } from "../../../src/capture/types.ts";
import type { ExchangeItem } from "../../../src/exchange/types.ts";
import { Pipeline, type PipelineOptions } from "../../../src/live/pipeline.ts";
import type { Missed } from "../../../src/live/set-aside.ts";
import { closed, data, found, io, note, pidOf, processes, totals } from "../stream/events.ts";

const MS = 1_000_000;
const CLIENT = 10;
const SERVER = 20;

const INITIALIZE =
  '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"cli","version":"1"}}}\n';
const INITIALIZED =
  '{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"srv","version":"2"}}}\n';
const CALL =
  '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{}}}\n';
const ANSWER = '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}\n';

function setUp(
  options: { isHeard?: boolean; holders?: number; onAsked?: PipelineOptions["onAsked"] } = {},
) {
  const table = processes();
  const aside: string[] = [];
  const verdicts: [string, string][] = [];
  const pipeline = new Pipeline({
    processes: table,
    sources: {
      holders: () =>
        options.holders === undefined ? undefined : table.at(options.holders, 1, "holder"),
    },
    allJsonrpc: false,
    listenNs: 0,
    maxLineBytes: 1_000_000,
    isHeard: () => options.isHeard ?? true,
    onSetAside: (channel: Channel) => aside.push(channel.id),
    onVerdict: ({ channel, verdict }) => verdicts.push([channel.id, verdict]),
    ...(options.onAsked === undefined ? {} : { onAsked: options.onAsked }),
  });
  return { pipeline, aside, verdicts };
}

/** One direction: what it carries is written, read, and counted by the kernel. */
class Wire {
  readonly #place: { channel: number; generation: number };
  readonly #from: number;
  readonly #to: number;
  moved = 0;

  constructor(inode: number, from: number, to: number) {
    this.#place = { channel: inode * 4096, generation: inode };
    this.#from = from;
    this.#to = to;
  }

  get place() {
    return this.#place;
  }

  /** The note of the write, then the record of the read, as one message brings them. */
  carry(text: string, sentNs: number, readNs: number) {
    return [this.write(text, sentNs), this.read(text, readNs)] as const;
  }

  write(text: string, timeNs: number) {
    const len = Buffer.byteLength(text);
    return note(len, this.moved + len, { ...this.#place, pid: this.#from, timeNs });
  }

  read(text: string, timeNs: number, lost = 0) {
    this.moved += Buffer.byteLength(text);
    return data(text, { ...this.#place, pid: this.#to, timeNs, moved: this.moved, lost });
  }
}

const up = () => new Wire(100, CLIENT, SERVER);
const down = () => new Wire(101, SERVER, CLIENT);

function messages(items: readonly ExchangeItem[]): unknown[] {
  return items.flatMap((item) =>
    item.kind === "message"
      ? [
          [
            item.message.method ?? item.message.type,
            pidOf(item.from),
            pidOf(item.to),
            item.direction,
          ],
        ]
      : [],
  );
}

function losses(items: readonly ExchangeItem[]): unknown[] {
  return items.flatMap((item) =>
    item.kind === "loss" ? [[item.channel?.id, item.reason, item.bytes]] : [],
  );
}

test("Pipeline makes a conversation over two pipes into its lines", () => {
  const { pipeline } = setUp();
  const [to, back] = [up(), down()];
  const events = [
    ...to.carry(INITIALIZE, 1 * MS, 2 * MS),
    ...back.carry(INITIALIZED, 5 * MS, 6 * MS),
    ...to.carry(CALL, 10 * MS, 12 * MS),
    ...back.carry(ANSWER, 20 * MS, 21 * MS),
    closed({ ...to.place, timeNs: 30 * MS }),
    closed({ ...back.place, timeNs: 30 * MS }),
  ];
  for (const event of events) pipeline.push(event);
  pipeline.end();
  const lines = pipeline.take();
  expect(lines.map((line) => line.kind)).toEqual([
    "session",
    "message",
    "session",
    "message",
    "call",
    "message",
    "message",
    "call",
    "session",
  ]);
  expect(messages(lines)).toEqual([
    ["initialize", 10, 20, "client-to-server"],
    ["response", 20, 10, "server-to-client"],
    ["tools/call", 10, 20, "client-to-server"],
    ["response", 20, 10, "server-to-client"],
  ]);
  expect(lines[6]).toEqual(
    expect.objectContaining({
      durationMs: 11,
      serverMs: 8,
      queuedMs: 1,
      request: expect.objectContaining({ method: "tools/call", target: "echo" }),
    }),
  );
  expect(pipeline.take()).toEqual([]);
});

test("Pipeline joins the directions of a socket pair to one session", () => {
  const { pipeline } = setUp();
  const a = { channel: 64, generation: 1, peer: 128, peerGeneration: 2 };
  const b = { channel: 128, generation: 2, peer: 64, peerGeneration: 1 };
  const kind = { channelKind: "unix-stream" } as const;
  pipeline.push(note(INITIALIZE.length, INITIALIZE.length, { ...a, ...kind, pid: CLIENT }));
  pipeline.push(data(INITIALIZE, { ...a, ...kind, pid: SERVER }));
  pipeline.push(note(INITIALIZED.length, INITIALIZED.length, { ...b, ...kind, pid: SERVER }));
  pipeline.push(data(INITIALIZED, { ...b, ...kind, pid: CLIENT }));
  pipeline.end();
  const sessions = pipeline
    .take()
    .flatMap((line) => ("session" in line && line.session ? [line.session.id] : []));
  expect(new Set(sessions).size).toBe(1);
});

test("Pipeline accounts for every byte of a channel that carries only MCP", () => {
  const { pipeline } = setUp();
  const wire = up();
  const half = CALL.length >> 1;
  pipeline.push(wire.read(INITIALIZE, MS));
  pipeline.push(wire.read(CALL.slice(0, half), 2 * MS));
  // 500 bytes find no room; then the end of some line, and a whole one
  pipeline.push(wire.read(`tail"}\n${CALL}`, 3 * MS, 500));
  pipeline.push(totals(541, wire.place));
  pipeline.push(closed({ ...wire.place, unreadBytes: 9, timeNs: 4 * MS }));
  pipeline.end();
  const lines = pipeline.take();
  const heard = lines.reduce(
    (sum, line) => sum + (line.kind === "message" ? line.message.bytes : 0),
    0,
  );
  expect(losses(lines)).toEqual([
    ["pipe:100", "cut_by_gap", half],
    ["pipe:100", "ring_full", 500],
    ["pipe:100", "cut_by_gap", 7],
    ["pipe:100", "ring_full", 41],
    ["pipe:100", "unread", 9],
  ]);
  expect(heard).toBe(INITIALIZE.length + CALL.length);
  const lost = losses(lines).reduce<number>((sum, each) => sum + Number(Object(each)[2]), 0);
  expect(heard + lost).toBe(wire.moved + 541 + 9);
});

test("Pipeline waits for the late note of a known writer, and says so, but not longer than 10 ms", () => {
  const { pipeline } = setUp();
  const wire = up();
  for (const event of wire.carry(INITIALIZE, MS, 2 * MS)) pipeline.push(event);
  pipeline.take();
  pipeline.push(wire.read(CALL, 5 * MS));
  expect([pipeline.take(), pipeline.isHolding]).toEqual([[], true]);
  pipeline.push({ kind: "tick", timeNs: 14 * MS });
  expect([pipeline.take(), pipeline.isHolding]).toEqual([[], true]);
  pipeline.push({ kind: "tick", timeNs: 15 * MS });
  expect(messages(pipeline.take())).toEqual([["tools/call", 10, 20, "client-to-server"]]);
  expect(pipeline.isHolding).toBe(false);
});

test("Pipeline takes a note that comes late for the time that the message was sent", () => {
  const { pipeline } = setUp();
  const wire = up();
  const written = wire.write(INITIALIZE, 4 * MS);
  pipeline.push(wire.read(INITIALIZE, 5 * MS));
  pipeline.push(written);
  pipeline.push({ kind: "tick", timeNs: 6 * MS });
  expect(pipeline.take()).toContainEqual(expect.objectContaining({ kind: "message", queuedMs: 1 }));
});

test("Pipeline names the holder of the writing end when no write was heard of", () => {
  const { pipeline } = setUp({ holders: 33 });
  pipeline.push(up().read(INITIALIZE, 5 * MS));
  pipeline.push({ kind: "tick", timeNs: 15 * MS });
  expect(messages(pipeline.take())).toEqual([["initialize", 33, 20, "client-to-server"]]);
});

test("Pipeline leaves out what no filter wants, its losses too", () => {
  const { pipeline } = setUp({ isHeard: false });
  const wire = up();
  for (const event of wire.carry(INITIALIZE, MS, 2 * MS)) pipeline.push(event);
  pipeline.push(totals(50, wire.place));
  pipeline.push(closed(wire.place));
  pipeline.end();
  expect(pipeline.take()).toEqual([]);
});

test("Pipeline sets a channel aside that carries something else, and says nothing of it", () => {
  const { pipeline, aside } = setUp();
  const wire = up();
  for (let n = 0; n < 20; n++) pipeline.push(wire.read(`${"log ".repeat(1000)}\n`, MS));
  pipeline.end();
  expect(aside).toEqual(["pipe:100"]);
  expect(pipeline.take()).toEqual([]);
});

test("Pipeline names each blind spot once", () => {
  const { pipeline } = setUp();
  const packets = { channel: 64, generation: 1, channelKind: "unix-seqpacket" } as const;
  const uring = { channel: 0, generation: 0, pid: 44 };
  for (let n = 0; n < 3; n++) {
    pipeline.push(io("opaque", { ...packets, len: 50 }));
    pipeline.push(io("uring", uring));
  }
  expect(pipeline.take()).toEqual([
    expect.objectContaining({ kind: "coverage", reason: "packet_socket", bytes: 50 }),
    expect.objectContaining({
      kind: "coverage",
      reason: "io_uring",
      process: expect.objectContaining({ pid: 44 }),
    }),
  ]);
});

test("Pipeline names the blind spots of more than 10,000 channels", () => {
  const { pipeline } = setUp();
  const packets = { channelKind: "unix-seqpacket", len: 50 } as const;
  for (let channel = 64; channel < 64 * 10_100; channel += 64) {
    pipeline.push(io("opaque", { ...packets, channel, generation: channel }));
  }
  expect(pipeline.take()).toHaveLength(10_099);
});

test("Pipeline names no blind spot of a channel that the filters keep out", () => {
  const { pipeline } = setUp({ isHeard: false });
  const packets = { channel: 64, generation: 1, channelKind: "unix-seqpacket", len: 50 } as const;
  pipeline.push(io("opaque", packets));
  expect(pipeline.take()).toEqual([]);
});

test("Pipeline ends a session when the server exits, and says how", () => {
  const { pipeline } = setUp();
  const [to, back] = [up(), down()];
  for (const event of to.carry(INITIALIZE, MS, 2 * MS)) pipeline.push(event);
  for (const event of back.carry(INITIALIZED, 3 * MS, 4 * MS)) pipeline.push(event);
  for (const event of to.carry(CALL, 5 * MS, 6 * MS)) pipeline.push(event);
  pipeline.push({ kind: "exit", pid: SERVER, startNs: SERVER * 1_000, timeNs: 9 * MS, status: 9 });
  pipeline.push(closed({ ...to.place, timeNs: 10 * MS }));
  pipeline.push(closed({ ...back.place, timeNs: 10 * MS }));
  pipeline.end();
  const lines = pipeline.take();
  expect(lines.slice(-2)).toEqual([
    expect.objectContaining({ kind: "call", outcome: "unanswered", method: "tools/call" }),
    expect.objectContaining({
      kind: "session",
      event: "end",
      session: expect.objectContaining({ endReason: "server was killed by SIGKILL" }),
    }),
  ]);
});

test("Pipeline does not take a line for one that was half read before the tool listened", () => {
  const { pipeline } = setUp();
  const wire = up();
  pipeline.push(found({ ...wire.place, buffered: 30 }));
  pipeline.push(wire.read(`name":"x"}}\n${CALL}`, MS));
  pipeline.end();
  const lines = pipeline.take();
  expect(losses(lines)).toEqual([["pipe:100", "started_before_attach", 12]]);
  expect(messages(lines)).toEqual([["tools/call", undefined, 20, "client-to-server"]]);
});

test("Pipeline says once that a channel with messages had been set aside", () => {
  const { pipeline } = setUp();
  const [to, back] = [up(), down()];
  const carry = (events: readonly Parameters<Pipeline["push"]>[0][]) => {
    for (const event of events) pipeline.push(event);
  };
  carry([...to.carry(INITIALIZE, 1 * MS, 2 * MS), ...back.carry(INITIALIZED, 5 * MS, 6 * MS)]);
  pipeline.stream.channels.get(to.place.channel)?.loseCount();
  carry([...to.carry(CALL, 10 * MS, 12 * MS), ...back.carry(ANSWER, 20 * MS, 21 * MS)]);
  carry(to.carry(CALL.replace(":1", ":2"), 30 * MS, 32 * MS));
  carry([closed({ ...to.place, timeNs: 40 * MS }), closed({ ...back.place, timeNs: 40 * MS })]);
  pipeline.end();
  const lines = pipeline.take();
  const told = lines.filter((line) => line.kind === "coverage");
  expect(told).toEqual([expect.objectContaining({ reason: "set_aside", bytes: 0 })]);
  expect(messages(lines)).toHaveLength(5);
});

/** A server that is asked while the channel that it answers by is set aside, and dies without an answer. */
function askedWhileAside(isLate: boolean) {
  const missed: Missed[] = [];
  const asked: number[] = [];
  const { pipeline } = setUp({
    onAsked: ({ pid }) => {
      asked.push(pid);
      return missed.splice(0);
    },
  });
  const [to, back] = [up(), down()];
  for (const event of back.carry("a log\n", MS, MS)) pipeline.push(event);
  const channel = pipeline.stream.channels.get(back.place.channel);
  if (channel !== undefined) missed.push({ channel, isLate });
  for (const event of to.carry(INITIALIZE, 2 * MS, 3 * MS)) pipeline.push(event);
  for (const event of to.carry(CALL, 4 * MS, 5 * MS)) pipeline.push(event);
  pipeline.push({ kind: "exit", pid: SERVER, startNs: SERVER * 1_000, timeNs: 6 * MS, status: 9 });
  for (const { place } of [to, back]) pipeline.push(closed({ ...place, timeNs: 7 * MS }));
  pipeline.end();
  const lines = pipeline.take();
  return {
    asked,
    coverage: lines.flatMap((line) => (line.kind === "coverage" ? [line.reason] : [])),
    outcomes: lines.flatMap((line) => (line.kind === "call" ? [line.outcome] : [])),
  };
}

test("Pipeline says at once that what a process writes was set aside when that is asked", () => {
  expect(askedWhileAside(false)).toEqual({
    asked: [SERVER, SERVER],
    coverage: ["set_aside"],
    outcomes: ["unanswered", "unanswered"],
  });
});

test("Pipeline does not call a call unanswered whose answer nobody may have listened for", () => {
  expect(askedWhileAside(true)).toEqual({
    asked: [SERVER, SERVER],
    coverage: ["set_aside"],
    outcomes: ["unheard", "unanswered"],
  });
});
