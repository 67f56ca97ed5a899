import { expect, test } from "bun:test";
import type { ChannelKind } from "../../../src/capture/types.ts";
import { SetAside } from "../../../src/live/set-aside.ts";
import { ChannelState } from "../../../src/stream/channel-state.ts";

const SECOND_NS = 1_000_000_000;

const nothing = { ignore: () => undefined, judge: () => undefined };

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
