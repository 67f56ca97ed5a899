import { expect, test } from "bun:test";
import { SetAside } from "../../../src/live/set-aside.ts";
import { ChannelState } from "../../../src/stream/channel-state.ts";

const SECOND_NS = 1_000_000_000;

function channel(inode: number): ChannelState {
  return new ChannelState(`pipe:${inode}`, { kind: "pipe", inode, address: inode, late: false });
}

test("SetAside has a channel's notes placed nowhere: what moves meanwhile is not counted", () => {
  const late = channel(1);
  new SetAside({ ignore: () => undefined }).add(late, 0);
  expect(late.unplaced).toBe(true);
});

test("SetAside has a channel ignored for 10 s, each from its own start", () => {
  const told: unknown[] = [];
  const aside = new SetAside({ ignore: (...what) => told.push(what) });
  aside.add(channel(1), 0);
  aside.add(channel(2), 5 * SECOND_NS);
  aside.retry(9 * SECOND_NS);
  expect(told.splice(0)).toEqual([
    [1, 1, true],
    [2, 2, true],
  ]);
  aside.retry(10 * SECOND_NS);
  expect(told.splice(0)).toEqual([[1, 1, false]]);
  aside.retry(15 * SECOND_NS);
  aside.retry(30 * SECOND_NS);
  expect(told).toEqual([[2, 2, false]]);
});
