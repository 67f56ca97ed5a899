import { expect, test } from "bun:test";
import { readlinkSync } from "node:fs";
import type { StandardStream } from "../../../src/capture/types.ts";
import { writtenAs } from "../../../src/live/written-as.ts";
import { ChannelState } from "../../../src/stream/channel-state.ts";
import { process } from "../sinks/items.ts";

/** What the process has under this number, as its channel: a pipe, or a socket's other end. */
function channelOf(pid: number, fd: number): ChannelState {
  const link = readlinkSync(`/proc/${pid}/fd/${fd}`);
  const number = Number(/\d+/.exec(link)?.[0]);
  const isPipe = link.startsWith("pipe:");
  const inode = isPipe ? number : 1;
  const kind = isPipe ? "pipe" : "unix-stream";
  const channel = new ChannelState(link, { kind, inode, address: 64, late: false });
  if (!isPipe) channel.peerInode = number;
  channel.writer = process({ pid });
  return channel;
}

/** The standard stream of a program that leads into the channel. */
function streamInto({ kind, inode, peerInode }: ChannelState): StandardStream {
  return kind === "pipe" ? { kind, inode } : { kind: "socket", inode: peerInode };
}

/** A process that waits until its input ends. */
function waiting(redirections: string) {
  return Bun.spawn(["sh", "-c", `exec cat ${redirections}`], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  });
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(1);
}

const isRunning = (pid: number) => () => readlinkSync(`/proc/${pid}/exe`).endsWith("cat");

test("writtenAs tells standard output from standard error, over pipes and sockets", async () => {
  const child = waiting("");
  await until(isRunning(child.pid));
  const [output, error] = [1, 2].map((fd) => writtenAs(channelOf(child.pid, fd)));
  expect(output).toEqual({ isOutput: true, isError: false, isFed: true });
  expect(error).toEqual({ isOutput: false, isError: true, isFed: true });
  child.stdin.end();
  await child.exited;
});

test("writtenAs says of one channel that it is both, and of a descriptor of its own that it is neither", async () => {
  const child = waiting("2>&1 5>&1 1>/dev/null 2>/dev/null");
  await until(isRunning(child.pid));
  expect(writtenAs(channelOf(child.pid, 5))).toEqual({
    isOutput: false,
    isError: false,
    isFed: true,
  });
  child.stdin.end();
  const both = waiting("2>&1");
  await until(isRunning(both.pid));
  expect(writtenAs(channelOf(both.pid, 1))).toEqual({ isOutput: true, isError: true, isFed: true });
  both.stdin.end();
  await Promise.all([child.exited, both.exited]);
});

test("writtenAs knows who is fed by nobody", async () => {
  const child = Bun.spawn(["sleep", "60"], { stdin: "ignore", stdout: "pipe" });
  expect(writtenAs(channelOf(child.pid, 1))).toMatchObject({ isOutput: true, isFed: false });
  child.kill();
  await child.exited;
});

test("writtenAs says nothing of a process that is gone, or that nobody knows, nor of a socket whose other end is not known", async () => {
  const child = Bun.spawn(["sleep", "60"], { stdin: "pipe", stdout: "pipe" });
  const channel = channelOf(child.pid, 1);
  const place = { kind: "unix-stream", inode: 1, address: 64, late: false } as const;
  const unconnected = new ChannelState("unix:1", place);
  unconnected.writer = channel.writer;
  expect(writtenAs(unconnected)).toBe(undefined);
  child.kill();
  await child.exited;
  expect(writtenAs(channel)).toBe(undefined);
  channel.writer = undefined;
  expect(writtenAs(channel)).toBe(undefined);
  channel.writer = { address: "10.0.0.5" };
  expect(writtenAs(channel)).toBe(undefined);
});

test("writtenAs knows by what its program was given what a server has moved since, and that is gone", async () => {
  const child = waiting("3>&1 1>&2");
  await until(isRunning(child.pid));
  const moved = [3, 2].map((fd) => channelOf(child.pid, fd));
  const [output, error] = moved.map(streamInto);
  const known = process({ pid: child.pid, streams: [{ kind: "pipe", inode: 1 }, output, error] });
  for (const channel of moved) channel.writer = known;
  const as = [
    { isOutput: true, isError: false, isFed: true },
    { isOutput: false, isError: true, isFed: true },
  ];
  expect(moved.map(writtenAs)).toEqual(as);
  child.stdin.end();
  await child.exited;
  expect(moved.map(writtenAs)).toEqual(as);
});

test("writtenAs asks /proc where what the program was given is another channel", async () => {
  const child = waiting("");
  await until(isRunning(child.pid));
  const channel = channelOf(child.pid, 1);
  const other = { kind: "pipe", inode: 1 } as const;
  channel.writer = process({ pid: child.pid, streams: [other, other, other] });
  expect(writtenAs(channel)).toEqual({ isOutput: true, isError: false, isFed: true });
  child.stdin.end();
  await child.exited;
});
