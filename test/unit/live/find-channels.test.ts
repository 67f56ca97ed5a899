import { expect, test } from "bun:test";
import type { Holder } from "../../../src/capture/holders.ts";
import { findChannels } from "../../../src/live/find-channels.ts";
import { PIPE, processes } from "../stream/events.ts";
import { holder } from "./fake-kernel.ts";

/** Each channel as [address, inode, peer, peer's inode, reader's pid, writer's pid, buffered]. */
function find(...holders: readonly Holder[]): unknown[] {
  return findChannels(holders, processes()).map((each) => [
    each.channel,
    each.generation,
    each.peer,
    each.peerGeneration,
    each.reader?.pid,
    each.writer?.pid,
    each.buffered,
  ]);
}

const writing = { mayRead: false, mayWrite: true };

test("findChannels joins the two ends of a pipe", () => {
  expect(find(holder({ pid: 10, fd: 1, ...writing, buffered: 5 }), holder({ pid: 20 }))).toEqual([
    [PIPE, 4711, 0, 0, 20, 10, 5],
  ]);
});

test("findChannels names a process once, however many descriptors it has", () => {
  expect(find(holder({ pid: 20, fd: 0 }), holder({ pid: 20, fd: 7 }))).toEqual([
    [PIPE, 4711, 0, 0, 20, undefined, 0],
  ]);
});

test("findChannels names nobody for an end that several processes hold", () => {
  expect(find(holder({ pid: 20 }), holder({ pid: 21 }), holder({ pid: 10, ...writing }))).toEqual([
    [PIPE, 4711, 0, 0, undefined, 10, 0],
  ]);
});

test("findChannels takes a named pipe that one process opened both ways for both ends", () => {
  expect(find(holder({ kind: "fifo", pid: 20, mayWrite: true }))).toEqual([
    [PIPE, 4711, 0, 0, 20, 20, 0],
  ]);
});

test("findChannels makes two channels of a socket pair, each written by the other's holder", () => {
  const socket = { kind: "unix-stream", mayRead: true, mayWrite: true } as const;
  expect(
    find(
      holder({ ...socket, channel: 64, generation: 1, peer: 128, pid: 10 }),
      holder({ ...socket, channel: 128, generation: 2, peer: 64, pid: 20 }),
    ),
  ).toEqual([
    [64, 1, 128, 2, 10, 20, 0],
    [128, 2, 64, 1, 20, 10, 0],
  ]);
});

test("findChannels does not know the writer of a socket whose other end is out of sight", () => {
  const socket = { kind: "unix-stream", mayRead: true, mayWrite: true } as const;
  expect(find(holder({ ...socket, channel: 64, generation: 1, peer: 128, pid: 10 }))).toEqual([
    [64, 1, 128, 0, 10, undefined, 0],
  ]);
});

test("findChannels keeps channels apart and finds none where none are held", () => {
  expect(find()).toEqual([]);
  expect(
    find(holder({ pid: 1 }), holder({ pid: 2, channel: PIPE + 64, generation: 4712 })),
  ).toHaveLength(2);
});
