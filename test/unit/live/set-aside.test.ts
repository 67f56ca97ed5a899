import { expect, test } from "bun:test";
import type { ChannelKind, Process } from "../../../src/capture/types.ts";
import { SetAside } from "../../../src/live/set-aside.ts";
import { ChannelState } from "../../../src/stream/channel-state.ts";
import type { WrittenAs } from "../../../src/stream/types.ts";
import { process } from "../sinks/items.ts";

const SECOND_NS = 1_000_000_000;

const nothing = { ignore: () => undefined, isIgnored: () => false, judge: () => undefined };

function channel(inode: number, kind: ChannelKind = "pipe"): ChannelState {
  return new ChannelState(`${kind}:${inode}`, { kind, inode, address: inode, late: false });
}

test("SetAside has a channel's notes placed nowhere: what moves meanwhile is not counted", () => {
  const late = channel(1);
  new SetAside(nothing).add(late, 0);
  expect(late.unplaced).toBe(true);
});

test("SetAside has a channel ignored for 10 s, each from its own start", () => {
  const told: unknown[] = [];
  const aside = new SetAside({ ...nothing, ignore: (...what) => told.push(what) });
  aside.add(channel(1), 0);
  aside.add(channel(2), 5 * SECOND_NS);
  aside.chores(9 * SECOND_NS);
  expect(told.splice(0)).toEqual([
    [1, 1, true],
    [2, 2, true],
  ]);
  aside.chores(10 * SECOND_NS);
  expect(told.splice(0)).toEqual([[1, 1, false]]);
  aside.chores(15 * SECOND_NS);
  aside.chores(30 * SECOND_NS);
  expect(told).toEqual([[2, 2, false]]);
});

test("SetAside has a TCP connection judged, whose sockets are two", () => {
  const told: unknown[] = [];
  const aside = new SetAside({ ...nothing, judge: (...what) => told.push(what) });
  aside.add(channel(1, "tcp"), 0);
  aside.chores(10 * SECOND_NS);
  expect(told).toEqual([
    [1, 1, "aside"],
    [1, 1, "open"],
  ]);
});

/** A kernel that remembers; it lifts nothing by itself. */
function kernelOf() {
  const ignored = new Map<number, number | undefined>();
  return {
    ignored,
    ignore: (address: number, _: number, isIgnored: boolean, writerPid?: number) => {
      if (isIgnored) ignored.set(address, writerPid);
      else ignored.delete(address);
    },
    isIgnored: (address: number) => ignored.has(address),
    judge: () => undefined,
  };
}

function written(inode: number, writer: Process, as?: WrittenAs): ChannelState {
  const place = { kind: "pipe", inode, address: inode, late: false } as const;
  const made = new ChannelState(`pipe:${inode}`, place, { descriptors: () => as });
  made.writer = writer;
  return made;
}

test("SetAside lifts all that a process writes when that is asked, and tells whether the kernel was first", () => {
  const kernel = kernelOf();
  const aside = new SetAside(kernel);
  const [asked, other] = [process({ pid: 7 }), process({ pid: 8 })];
  const channels = [written(1, asked), written(2, asked), written(3, other)];
  for (const each of channels) aside.add(each, 0);
  expect([...kernel.ignored]).toEqual([
    [1, 7],
    [2, 7],
    [3, 8],
  ]);
  kernel.ignored.delete(1);
  expect(aside.ask(asked).map(({ channel, isLate }) => [channel.inode, isLate])).toEqual([
    [1, false],
    [2, true],
  ]);
  expect([...kernel.ignored.keys()]).toEqual([3]);
  expect(aside.ask(asked)).toEqual([]);
  expect(aside.ask(process({ pid: 9 }))).toEqual([]);
});

test("SetAside has nobody wait for an answer on standard error", () => {
  const kernel = kernelOf();
  const aside = new SetAside(kernel);
  const asked = process({ pid: 7 });
  aside.add(written(1, asked, { isOutput: false, isError: true, isFed: true }), 0);
  aside.add(written(2, asked, { isOutput: true, isError: true, isFed: true }), 0);
  expect(aside.ask(asked).map(({ channel }) => channel.inode)).toEqual([2]);
  expect([...kernel.ignored]).toEqual([[1, undefined]]);
});

test("SetAside forgets who writes what it has lifted", () => {
  const kernel = kernelOf();
  const aside = new SetAside(kernel);
  const asked = process({ pid: 7 });
  aside.add(written(1, asked), 0);
  aside.chores(10 * SECOND_NS);
  expect([aside.ask(asked), kernel.ignored.size]).toEqual([[], 0]);
});
