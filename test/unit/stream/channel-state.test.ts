import { expect, test } from "bun:test";
import type { Process } from "../../../src/capture/types.ts";
import { isProcess } from "../../../src/party.ts";
import { ChannelState } from "../../../src/stream/channel-state.ts";
import { processes } from "./events.ts";

const table = processes();
const writer = table.at(10, 10_000, "writer");
const other = table.at(11, 11_000, "other");
const place = { kind: "unix-stream", inode: 1, address: 64, late: false } as const;

function make(holder?: () => Process | undefined): ChannelState {
  return new ChannelState("unix:1", place, { holders: holder });
}

test("ChannelState takes the last writer for the likely one", () => {
  const channel = make(() => other);
  channel.writer = writer;
  expect(channel.likelyWriter()).toBe(writer);
});

test("ChannelState takes the reader of the other direction for the writer of this one", () => {
  const channel = make(() => other);
  channel.reverse = make();
  channel.reverse.reader = writer;
  expect(channel.likelyWriter()).toBe(writer);
});

test("ChannelState asks who holds the writing end when nothing else tells, and once", () => {
  let asked = 0;
  const channel = make(() => {
    asked += 1;
    return writer;
  });
  expect([channel.likelyWriter(), channel.likelyWriter(), channel.writer]).toEqual([
    writer,
    writer,
    writer,
  ]);
  expect(asked).toBe(1);
});

test("ChannelState asks again while nobody is known to hold the writing end", () => {
  const answers = [undefined, writer];
  const channel = make(() => answers.shift());
  expect(channel.likelyWriter()).toBeUndefined();
  expect(channel.likelyWriter()).toBe(writer);
});

test("ChannelState has no likely writer where nobody can be asked", () => {
  expect(make().likelyWriter()).toBeUndefined();
});

test("ChannelState finds the write of a byte among its notes", () => {
  const channel = make();
  channel.notes.add(writer, 100, 5, 5);
  expect(channel.noteAt(4)).toEqual(expect.objectContaining({ writer, timeNs: 100 }));
  expect(channel.noteAt(5)).toBeUndefined();
});

test("ChannelState asks what it is to its writer once for each, and again where nobody could say", () => {
  const as = { isOutput: true, isError: false, isFed: true };
  const answers = [undefined, as, { ...as, isError: true }];
  let asked = 0;
  const channel = new ChannelState("unix:1", place, { descriptors: () => answers[asked++] });
  expect([channel.writtenAs(), asked]).toEqual([undefined, 0]);
  channel.writer = writer;
  expect([1, 2, 3].map(() => channel.writtenAs())).toEqual([undefined, as, as]);
  channel.writer = other;
  expect([channel.writtenAs(), channel.writtenAs(), asked]).toEqual([answers[2], answers[2], 3]);
});

test("ChannelState asks again what it is to a writer that has become another program", () => {
  const exec = (inode: number) => {
    const stream = { kind: "socket", inode } as const;
    const at = { pid: 12, timeNs: 12_500, startNs: 12_000, cgroupId: 0n, comm: "a" };
    own.exec({ kind: "exec", ...at, commandLine: ["a"], streams: [stream, stream, stream] });
  };
  const own = processes();
  const channel = new ChannelState("unix:1", place, {
    descriptors: ({ writer }) => {
      const inode = isProcess(writer) ? writer.streams?.[1]?.inode : undefined;
      return { isOutput: inode === 7, isError: false, isFed: true };
    },
  });
  exec(6);
  channel.writer = own.at(12, 12_000, "a");
  expect(channel.writtenAs()?.isOutput).toBe(false);
  exec(7);
  expect(channel.writtenAs()?.isOutput).toBe(true);
});

test("ChannelState knows what a standard stream feeds it: a pipe by its inode, a socket by its other end's", () => {
  const pipe = new ChannelState("pipe:7", { kind: "pipe", inode: 7, address: 64, late: false });
  const socket = make();
  const streams = [
    { kind: "pipe", inode: 7 },
    { kind: "pipe", inode: 8 },
    { kind: "socket", inode: 7 },
    { kind: "file", inode: 7 },
    { kind: "socket", inode: 0 },
  ] as const;
  expect(streams.map((stream) => pipe.isFedBy(stream))).toEqual([true, false, false, false, false]);
  expect(streams.map((stream) => socket.isFedBy(stream))).toEqual(Array(5).fill(false));
  socket.peerInode = 7;
  expect(streams.map((stream) => socket.isFedBy(stream))).toEqual([
    false,
    false,
    true,
    false,
    false,
  ]);
});
