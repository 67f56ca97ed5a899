import { expect, test } from "bun:test";
import { type StreamInput, StreamStage } from "../../../src/stream/stream-stage.ts";
import {
  brief,
  closed,
  data,
  found,
  INODE,
  io,
  note,
  PIPE,
  pidOf,
  processes,
  READER,
  totals,
  WRITER,
} from "./events.ts";

const SOCKET_A = 0x1f_8881_0000_a000;
const SOCKET_B = 0x1f_8881_0000_b000;

function run(...items: readonly StreamInput[]): unknown[] {
  const stage = new StreamStage(processes());
  return brief([...items.flatMap((item) => [...stage.push(item)]), ...stage.end()]);
}

test("StreamStage gives what was read, in order, with positions", () => {
  expect(run(data("abc"), data("de"), data("f"))).toEqual([
    ["pipe:4711", 0, "abc"],
    ["pipe:4711", 3, "de"],
    ["pipe:4711", 5, "f"],
  ]);
});

test("StreamStage names the reader of each chunk", () => {
  const stage = new StreamStage(processes());
  const readers = [READER, READER + 1, READER].flatMap((pid) =>
    stage.push(data("x", { pid })).map((item) => item.kind === "chunk" && pidOf(item.reader)),
  );
  expect(readers).toEqual([20, 21, 20]);
  expect(pidOf(stage.channels.get(PIPE)?.reader)).toBe(20);
});

test("StreamStage puts bytes that the ring had no room for between what was heard", () => {
  expect(
    run(data("abc"), data("de", { lost: 100 }), data("f", { lost: 100 }), data("g", { lost: 107 })),
  ).toEqual([
    ["pipe:4711", 0, "abc"],
    ["pipe:4711", "ring_full", 100],
    ["pipe:4711", 103, "de"],
    ["pipe:4711", 105, "f"],
    ["pipe:4711", "ring_full", 7],
    ["pipe:4711", 113, "g"],
  ]);
});

test("StreamStage tells of loss once, whether totals or a record say it first", () => {
  expect(run(data("a"), totals(50), totals(50), data("b", { lost: 50 }), totals(60))).toEqual([
    ["pipe:4711", 0, "a"],
    ["pipe:4711", "ring_full", 50],
    ["pipe:4711", 51, "b"],
    ["pipe:4711", "ring_full", 10],
  ]);
});

test("StreamStage takes no part in totals that are older than its last record", () => {
  expect(run(data("a", { lost: 50 }), totals(40), data("b", { lost: 50 }))).toEqual([
    ["pipe:4711", "ring_full", 50],
    ["pipe:4711", 50, "a"],
    ["pipe:4711", 51, "b"],
  ]);
});

test("StreamStage makes a gap of bytes that could not be copied, with its reason", () => {
  expect(
    run(
      data("ab", { len: 10, flags: 1 }),
      data("", { len: 7, flags: 1 }),
      data("", { len: 33, flags: 2 }),
      data("c"),
    ),
  ).toEqual([
    ["pipe:4711", 0, "ab"],
    ["pipe:4711", "fault", 8],
    ["pipe:4711", "fault", 7],
    ["pipe:4711", "call_too_large", 33],
    ["pipe:4711", 50, "c"],
  ]);
});

test("StreamStage makes a gap of bytes that were spliced away, and says that it is blind", () => {
  expect(run(data("a"), io("unseen", { len: 64, lost: 3 }), data("b", { lost: 3 }))).toEqual([
    ["pipe:4711", 0, "a"],
    ["pipe:4711", "blind", "unseen_read", 64],
    ["pipe:4711", "ring_full", 3],
    ["pipe:4711", "unseen_read", 64],
    ["pipe:4711", 68, "b"],
  ]);
});

test("StreamStage says which packet socket it is blind to, without a gap", () => {
  const opaque = io("opaque", { len: 64, channelKind: "unix-seqpacket" });
  expect(run(opaque)).toEqual([["unix:4711", "blind", "packet_socket", 64]]);
});

test("StreamStage says which process it is blind to by io_uring", () => {
  const stage = new StreamStage(processes());
  expect(stage.push(io("uring", { channel: 0, generation: 0, timeNs: 5 }))).toEqual([
    expect.objectContaining({
      kind: "blind",
      channel: undefined,
      process: expect.objectContaining({ pid: READER }),
      reason: "io_uring",
      bytes: 0,
      timeNs: 5,
    }),
  ]);
  expect(stage.channelsSeen).toBe(0);
});

test("StreamStage keeps notes for those who ask, and gives nothing out for them", () => {
  const stage = new StreamStage(processes());
  expect(stage.push(note(3, 3, { timeNs: 900 }))).toEqual([]);
  const [chunk] = stage.push(data("abc"));
  const channel = chunk?.kind === "chunk" ? chunk.channel : undefined;
  expect(pidOf(channel?.writer)).toBe(WRITER);
  expect(channel?.noteAt?.(2)).toEqual(
    expect.objectContaining({ writer: expect.objectContaining({ pid: WRITER }), timeNs: 900 }),
  );
});

test("StreamStage gives nothing out for a reader that saw the end or a writer whose pipe broke", () => {
  expect(run(data("a"), io("eof"), io("broken"))).toEqual([["pipe:4711", 0, "a"]]);
});

test("StreamStage passes time on", () => {
  expect(run({ kind: "tick", timeNs: 17 })).toEqual([["tick", 17]]);
});

test("StreamStage tells of the end of processes that it met, and of no others", () => {
  const exit = { kind: "exit", timeNs: 9, status: 0 } as const;
  expect(
    run(
      data("a"),
      { ...exit, pid: READER, startNs: 20_000 },
      { ...exit, pid: 99, startNs: 99_000 },
      { ...exit, pid: READER, startNs: 20_000 },
    ),
  ).toEqual([
    ["pipe:4711", 0, "a"],
    ["process-end", 20],
  ]);
});

test("StreamStage tells the processes of forks and execs", () => {
  const stage = new StreamStage(processes());
  const start = { timeNs: 20_001, startNs: 20_000, cgroupId: 1n };
  stage.push({ kind: "fork", pid: READER, parentPid: 2, ...start });
  stage.push({ kind: "exec", pid: READER, comm: "node", commandLine: ["node", "x.js"], ...start });
  const [chunk] = stage.push(data("a", { comm: "node" }));
  expect(chunk?.kind === "chunk" && chunk.reader).toMatchObject({ commandLine: ["node", "x.js"] });
});

test("StreamStage ends a closed channel and forgets it", () => {
  const stage = new StreamStage(processes());
  stage.push(note(5, 5));
  stage.push(data("abc"));
  expect(stage.push(closed({ unreadBytes: 2 }))).toEqual([
    expect.objectContaining({
      kind: "end",
      unreadBytes: 2,
      timeNs: 3_000,
      writer: expect.objectContaining({ pid: WRITER }),
    }),
  ]);
  expect(stage.push(closed({ unreadBytes: 2 }))).toEqual([]);
  expect(stage.channels.size).toBe(0);
});

test("StreamStage puts bytes that were read unheard before the end of their channel", () => {
  expect(run(data("abc"), closed({ missedBytes: 7 }))).toEqual([
    ["pipe:4711", 0, "abc"],
    ["pipe:4711", "unseen_read", 7],
    ["pipe:4711", "end", 0],
  ]);
});

test("StreamStage ignores totals and closings of channels that it does not know", () => {
  expect(
    run(totals(9), closed(), data("a"), totals(9, { generation: 1 }), closed({ generation: 1 })),
  ).toEqual([["pipe:4711", 0, "a"]]);
});

test.each([
  ["pipe", "pipe:4711"],
  ["fifo", "fifo:4711"],
  ["unix-stream", "unix:4711"],
  ["unix-seqpacket", "unix:4711"],
  ["unix-dgram", "unix:4711"],
] as const)("StreamStage names a %s %p", (channelKind, id) => {
  expect(run(data("a", { channelKind }))).toEqual([[id, 0, "a"]]);
});

test("StreamStage never names two channels alike: inode numbers come again", () => {
  const again = { channel: PIPE + 64 };
  expect(run(data("a"), closed(), data("b"), data("c", again))).toEqual([
    ["pipe:4711", 0, "a"],
    ["pipe:4711", "end", 0],
    ["pipe:4711-2", 0, "b"],
    ["pipe:4711-3", 0, "c"],
  ]);
});

test("StreamStage never names two openings of a named pipe alike while it is used, among 90,000 others", () => {
  const stage = new StreamStage(processes());
  const ids = new Set<string>();
  for (let i = 2; i < 90_000; i++) {
    const generation = i % 10_000 === 0 ? 1 : i;
    const channelKind = generation === 1 ? "fifo" : "pipe";
    const [item] = stage.push(data("a", { generation, channelKind }));
    stage.push(closed({ generation }));
    if (item?.kind === "chunk") ids.add(item.channel.id);
  }
  expect(ids.size).toBe(89_998);
});

const A = { channel: SOCKET_A, generation: 1, channelKind: "unix-stream" } as const;
const B = { channel: SOCKET_B, generation: 2, channelKind: "unix-stream" } as const;

test("StreamStage joins the two directions of a socket pair", () => {
  const stage = new StreamStage(processes());
  stage.push(data("to a", { ...A, peer: SOCKET_B, peerGeneration: 2 }));
  stage.push(data("to b", { ...B, peer: SOCKET_A, peerGeneration: 1 }));
  const [a, b] = [stage.channels.get(SOCKET_A), stage.channels.get(SOCKET_B)];
  expect([a?.id, b?.id]).toEqual(["unix:1", "unix:2"]);
  expect(a?.reverse === b && b?.reverse === a).toBe(true);
});

test("StreamStage joins no socket to another that has its peer's address by now", () => {
  const stage = new StreamStage(processes());
  stage.push(data("to a", A));
  stage.push(data("to b", { ...B, peer: SOCKET_A, peerGeneration: 77 }));
  expect(stage.channels.get(SOCKET_A)?.reverse).toBeUndefined();
  expect(stage.channels.get(SOCKET_B)?.reverse).toBeUndefined();
});

test("StreamStage joins no pipe to anything", () => {
  const stage = new StreamStage(processes());
  stage.push(data("a", { channel: 0, generation: 0 }));
  stage.push(data("b"));
  expect(stage.channels.get(PIPE)?.reverse).toBeUndefined();
});

test("StreamStage joins socket pairs that were there before", () => {
  const stage = new StreamStage(processes());
  stage.push(found({ ...A, peer: SOCKET_B, peerGeneration: 2 }));
  stage.push(found({ ...B, peer: SOCKET_A, peerGeneration: 1 }));
  const [a, b] = [stage.channels.get(SOCKET_A), stage.channels.get(SOCKET_B)];
  expect(a?.reverse === b && b?.reverse === a && a !== undefined).toBe(true);
});

test("StreamStage keeps one channel for a socket that was written to before it was accepted", () => {
  const stage = new StreamStage(processes());
  const early = stage.push(note(5, 5, { ...A, generation: 0, timeNs: 900 }));
  const chunks = stage.push(data("hello", A));
  expect(early).toEqual([]);
  expect(brief(chunks)).toEqual([["unix:1", 0, "hello"]]);
  expect(stage.channelsSeen).toBe(1);
  const [chunk] = chunks;
  expect(chunk?.kind === "chunk" && chunk.channel.noteAt?.(4)?.timeNs).toBe(900);
});

test("StreamStage keeps one channel for a socket whose write before the accept is told after the first read", () => {
  const stage = new StreamStage(processes());
  const peer = { peer: SOCKET_B, peerGeneration: 77 };
  const items = [
    data('{"id', { ...A, ...peer }),
    note(4, 4, { ...A, ...peer, generation: 0 }),
    data('":1}', { ...A, ...peer }),
  ].flatMap((event) => [...stage.push(event)]);
  expect(brief(items)).toEqual([
    ["unix:1", 0, '{"id'],
    ["unix:1", 4, '":1}'],
  ]);
  // another writer's socket: another connection, and its listener's address is this one's
  stage.push(note(4, 4, { ...A, peer: SOCKET_B, peerGeneration: 78, generation: 0 }));
  expect(stage.channelsSeen).toBe(2);
});

test.each([
  ["found at the start", found({ ...A, peer: SOCKET_B, peerGeneration: 77 })],
  ["whose other end had no inode any more", data("old\n", { ...A, peer: SOCKET_B })],
])(
  "StreamStage takes a write before the accept for another connection than one %s",
  (_, before) => {
    const stage = new StreamStage(processes());
    stage.push(before);
    const peer = { peer: SOCKET_B + 4096, peerGeneration: 78 };
    stage.push(note(5, 5, { ...A, ...peer, generation: 0, timeNs: 900 }));
    const chunks = stage.push(data("hello", { ...A, ...peer, generation: 3 }));
    const [chunk] = chunks;
    expect(chunk?.kind === "chunk" && chunk.channel.noteAt?.(4)?.timeNs).toBe(900);
  },
);

test("StreamStage keeps one channel for a socket that is read from while it closes", () => {
  const stage = new StreamStage(processes());
  const chunks = [...stage.push(data("abc", A)), ...stage.push(data("d", { ...A, generation: 0 }))];
  expect(brief(chunks)).toEqual([
    ["unix:1", 0, "abc"],
    ["unix:1", 3, "d"],
  ]);
});

test("StreamStage knows a channel that was there before as late, with its ends", () => {
  const stage = new StreamStage(processes());
  const table = processes();
  const [reader, writer] = [table.at(20, 20_000, "r"), table.at(10, 10_000, "w")];
  stage.push(found({ reader, writer, buffered: 0 }));
  const channel = stage.channels.get(PIPE);
  expect([channel?.late, pidOf(channel?.reader), pidOf(channel?.writer)]).toEqual([true, 20, 10]);
  stage.push(data("new", { channel: PIPE + 64, generation: INODE + 1 }));
  expect(stage.channels.get(PIPE + 64)?.late).toBe(false);
});

test("StreamStage knows that bytes which lay in a pipe were written before the first note", () => {
  const stage = new StreamStage(processes());
  stage.push(found({ buffered: 4 }));
  stage.push(note(3, 3, { timeNs: 900 }));
  const channel = stage.channels.get(PIPE);
  expect([0, 3, 4, 6, 7].map((position) => channel?.noteAt(position)?.timeNs)).toEqual([
    undefined,
    undefined,
    900,
    900,
    undefined,
  ]);
});

test("StreamStage counts every channel that it saw", () => {
  const stage = new StreamStage(processes());
  for (let n = 0; n < 5; n++) stage.push(data("a", { channel: PIPE + 64 * n, generation: n + 1 }));
  stage.push(closed({ channel: PIPE, generation: 1 }));
  stage.push(data("b", { channel: PIPE + 64, generation: 2 }));
  expect([stage.channelsSeen, stage.channels.size]).toEqual([5, 4]);
});

test("StreamStage keeps copies of what a channel's first writes begin with", () => {
  const stage = new StreamStage(processes());
  const ring = Buffer.from("hello");
  stage.push(note(20, 20, { payload: ring }));
  ring.fill(0);
  stage.push(note(20, 40, { payload: Buffer.from('{"id":1}') }));
  expect(stage.channels.get(PIPE)?.opening).toBe('hello\n{"id":1}\n');
});

test("StreamStage keeps what a channel's first read begins with when no write's note did", () => {
  const stage = new StreamStage(processes());
  const answer = '{"jsonrpc":"2.0","id":0,"result":{"tools":[]}}';
  stage.push(data(answer + " ".repeat(64)));
  stage.push(data('{"id":2}'));
  expect(stage.channels.get(PIPE)?.opening).toBe(`${answer.padEnd(64)}\n`);
});

test("StreamStage takes nothing for a beginning that may have been read before, or is behind a gap", () => {
  const late = new StreamStage(processes());
  late.push(found());
  late.push(data('{"id":1}'));
  const cut = new StreamStage(processes());
  cut.push(data('{"id":1}', { lost: 7 }));
  const openings = [late, cut].map((stage) => stage.channels.get(PIPE)?.opening);
  expect(openings).toEqual([undefined, undefined]);
});
