import { expect, test } from "bun:test";
import { Decoder, splitArguments } from "../../../src/capture/decode.ts";
import type { KernelEvent } from "../../../src/capture/types.ts";
import { inRing, ioRecord, processRecord, socketRecord } from "./records.ts";

/** All events of the span, with payloads copied as text. */
function decode(...records: readonly Buffer[]): unknown[] {
  const span = Buffer.concat(records);
  return decodeSpan(span, 0, span.length);
}

function decodeSpan(memory: Buffer, start: number, length: number): unknown[] {
  const view = new DataView(memory.buffer, memory.byteOffset, memory.length);
  const events: unknown[] = [];
  new Decoder(view, memory).decode(start, length, (event) => events.push(owned(event)));
  return events;
}

function owned(event: KernelEvent): unknown {
  return "payload" in event ? { ...event, payload: Buffer.from(event.payload).toString() } : event;
}

function note(tgid: number): Buffer {
  return inRing(ioRecord({ kind: 2, tgid }));
}

test("Decoder reads every field of a record of data", () => {
  const record = ioRecord({
    kind: 1,
    flags: 5,
    channel: 0xffff_8881_0123_4560n,
    generation: 4711,
    timeNs: 7_000_000_123_456,
    moved: 300,
    lost: 40,
    skipped: 70,
    startNs: 6_000_000_000_007,
    peer: 0xffff_8881_0123_9990n,
    len: 9,
    tgid: 21,
    tid: 22,
    channelKind: 3,
    peerGeneration: 815,
    comm: "python3",
    payload: '{"a":1}\n',
  });
  expect(decode(inRing(record))).toEqual([
    {
      kind: "data",
      flags: 5,
      channel: 0x1f_8881_0123_4560,
      generation: 4711,
      timeNs: 7_000_000_123_000,
      moved: 300,
      lost: 40,
      skipped: 70,
      startNs: 6_000_000_000_007,
      peer: 0x1f_8881_0123_9990,
      peerGeneration: 815,
      len: 9,
      pid: 21,
      channelKind: "unix-stream",
      comm: "python3",
      payload: '{"a":1}\n',
    },
  ]);
});

test.each([
  [1, "data"],
  [2, "note"],
  [3, "eof"],
  [4, "unseen"],
  [5, "opaque"],
  [8, "broken"],
  [9, "uring"],
  [12, "close"],
])("Decoder calls an io_event of kind %d %p", (kind, name) => {
  expect(decode(inRing(ioRecord({ kind })))).toEqual([expect.objectContaining({ kind: name })]);
});

test.each([
  [1, "pipe"],
  [2, "fifo"],
  [3, "unix-stream"],
  [4, "unix-seqpacket"],
  [5, "unix-dgram"],
  [6, "tcp"],
])("Decoder calls a channel of kind %d %p", (channelKind, name) => {
  const events = decode(inRing(ioRecord({ kind: 2, channelKind })));
  expect(events).toEqual([expect.objectContaining({ channelKind: name })]);
});

test("Decoder tells bytes that a call moved from bytes that were copied", () => {
  const events = decode(inRing(ioRecord({ kind: 1, flags: 1, len: 4096, payload: "" })));
  expect(events).toEqual([expect.objectContaining({ flags: 1, len: 4096, payload: "" })]);
});

test("Decoder gives payloads as views into the ring, not as copies", () => {
  const span = inRing(ioRecord({ kind: 1, payload: "abc" }));
  const decoder = new Decoder(new DataView(span.buffer, span.byteOffset, span.length), span);
  decoder.decode(0, span.length, (event) => {
    if (event.kind !== "data") throw new Error(`"${event.kind}" is no data`);
    span.fill("x");
    expect(Buffer.from(event.payload).toString()).toBe("xxx");
  });
  expect.assertions(1);
});

test("Decoder keeps times to the microsecond and process starts to the nanosecond", () => {
  const io = ioRecord({ kind: 2, timeNs: 1_999, startNs: 1_999 });
  const exit = processRecord({ kind: 7, tgid: 1, timeNs: 2_001, startNs: 2_001 });
  expect(decode(inRing(io), inRing(exit))).toEqual([
    expect.objectContaining({ timeNs: 1_000, startNs: 1_999 }),
    expect.objectContaining({ timeNs: 2_000, startNs: 2_001 }),
  ]);
});

test("Decoder reads a fork", () => {
  const record = processRecord({
    kind: 10,
    tgid: 31,
    parentTgid: 30,
    timeNs: 5_000,
    startNs: 4_500,
    cgroupId: 2n ** 63n + 1n,
  });
  expect(decode(inRing(record))).toEqual([
    {
      kind: "fork",
      pid: 31,
      parentPid: 30,
      timeNs: 5_000,
      startNs: 4_500,
      cgroupId: 9_223_372_036_854_775_809n,
    },
  ]);
});

test("Decoder reads an exec with its arguments, empty ones too, and where its streams lead", () => {
  const record = processRecord({
    kind: 6,
    tgid: 31,
    timeNs: 5_000,
    startNs: 4_500,
    cgroupId: 77,
    comm: "node",
    commandLine: "node\0--title=ü\0\0server.js\0",
    streams: [
      [4711, 0o010600, 0],
      [0, 0, 0],
      [9, 0o020620, 136 * 2 ** 20],
    ],
  });
  expect(decode(inRing(record))).toEqual([
    {
      kind: "exec",
      pid: 31,
      timeNs: 5_000,
      startNs: 4_500,
      cgroupId: 77n,
      comm: "node",
      commandLine: ["node", "--title=ü", "", "server.js"],
      streams: [{ kind: "pipe", inode: 4711 }, undefined, { kind: "terminal", inode: 9 }],
    },
  ]);
});

test("Decoder reads an exit with its status as wait(2) has it", () => {
  const record = processRecord({ kind: 7, tgid: 31, timeNs: 9_000, startNs: 4_500, exitCode: 768 });
  expect(decode(inRing(record))).toEqual([
    { kind: "exit", pid: 31, timeNs: 9_000, startNs: 4_500, status: 768 },
  ]);
});

/** 127.0.0.1 as IPv6 has it. */
const LOOPBACK = Buffer.from("00000000000000000000ffff7f000001", "hex");
const DOCUMENTED = Buffer.from("20010db8000000000000000000000001", "hex");

test.each([
  [0, false],
  [1, true],
])("Decoder reads where the ends of a TCP channel are, flags %d", (flags, late) => {
  const record = socketRecord({
    kind: 11,
    flags,
    channel: 0xffff_8881_0123_4560n,
    generation: 4711,
    reverse: 0xffff_8881_0123_9991n,
    reverseGeneration: 4712,
    fromAddress: LOOPBACK,
    toAddress: DOCUMENTED,
    fromPort: 50_001,
    toPort: 3001,
  });
  expect(decode(inRing(record), note(7))).toEqual([
    {
      kind: "socket",
      timeNs: 1_000,
      channel: 0x1f_8881_0123_4560,
      generation: 4711,
      reverse: 0x1f_8881_0123_9991,
      reverseGeneration: 4712,
      from: { address: "127.0.0.1", port: 50_001 },
      to: { address: "2001:db8::1", port: 3001 },
      late,
    },
    expect.objectContaining({ kind: "note", pid: 7 }),
  ]);
});

test.each(["eof", "close"])("Decoder reads the length of %p with its sign", (kind) => {
  const record = ioRecord({ kind: kind === "eof" ? 3 : 12, len: 0xffff_fffb });
  expect(decode(inRing(record))).toEqual([expect.objectContaining({ kind, len: -5 })]);
});

test("Decoder finds the next record behind payloads of any length", () => {
  const lengths = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 32_768];
  const records = lengths.map((length) =>
    inRing(ioRecord({ kind: 1, payload: "z".repeat(length) })),
  );
  const events = decode(...records, note(99));
  expect(events.map((event) => Reflect.get(Object(event), "len"))).toEqual([...lengths, 0]);
});

test("Decoder skips records that were discarded, whatever they hold", () => {
  const data = ioRecord({ kind: 1, payload: '{"half":' });
  const rubbish = Buffer.alloc(13, 0xff);
  expect(decode(note(1), inRing(data, true), inRing(rubbish, true), note(2))).toEqual([
    expect.objectContaining({ kind: "note", pid: 1 }),
    expect.objectContaining({ kind: "note", pid: 2 }),
  ]);
});

test.each([0, 99, 4_294_967_295])("Decoder skips a record of the unknown kind %d", (kind) => {
  expect(decode(inRing(ioRecord({ kind, payload: "newer than this" })), note(3))).toEqual([
    expect.objectContaining({ kind: "note", pid: 3 }),
  ]);
});

test("Decoder reads nothing beyond the span: what follows is not finished", () => {
  const first = note(1);
  const busy = note(2);
  busy.writeUInt32LE(0x80000000 + 104);
  expect(decodeSpan(Buffer.concat([first, busy]), 0, first.length)).toEqual([
    expect.objectContaining({ pid: 1 }),
  ]);
  expect(decodeSpan(first, 0, 0)).toEqual([]);
});

test("Decoder reads a record that runs over the ring's end from the second mapping", () => {
  const size = 4096;
  const record = inRing(ioRecord({ kind: 1, tgid: 5, payload: "over the end\n" }));
  const exec = inRing(processRecord({ kind: 6, tgid: 6, commandLine: "sh\0-c\0true\0" }));
  const span = Buffer.concat([record, exec]);
  for (const before of [8, 72, 112, 120, record.length, record.length + 1080]) {
    const memory = Buffer.alloc(size * 2, 0xee);
    memory.set(span, size - before);
    expect(decodeSpan(memory, size - before, span.length)).toEqual([
      expect.objectContaining({ kind: "data", pid: 5, payload: "over the end\n" }),
      expect.objectContaining({ kind: "exec", pid: 6, commandLine: ["sh", "-c", "true"] }),
    ]);
  }
});

test("Decoder shows a process's new name after its exec", () => {
  const names = ["bash", "node", "node", "bash"];
  const events = decode(...names.map((comm) => inRing(ioRecord({ kind: 2, tgid: 8, comm }))));
  expect(events.map((event) => Reflect.get(Object(event), "comm"))).toEqual(names);
});

test.each([
  ["", []],
  ["\0", [""]],
  ["a", ["a"]],
  ["a\0b\0", ["a", "b"]],
  ["a\0cut he", ["a", "cut he"]],
  ["a\0\0", ["a", ""]],
])("splitArguments reads %p", (text, expected) => {
  expect(splitArguments(Buffer.from(text))).toEqual(expected);
});
