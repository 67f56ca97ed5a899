import { expect, test } from "bun:test";
import { joinSockets } from "../../../src/live/join-sockets.ts";
import { holder } from "./fake-kernel.ts";

const tcp = (channel: number, sendNext: number, receiveNext: number) =>
  holder({ kind: "tcp", channel, sendNext, receiveNext });

test("joinSockets joins two sockets when each sends next what the other receives next", () => {
  expect(joinSockets([tcp(8, 100, 200), tcp(16, 200, 100), tcp(24, 5e6, 6)])).toMatchObject([
    { socket: 8, peer: 16 },
    { socket: 16, peer: 8 },
    { socket: 24, peer: undefined },
  ]);
});

test("joinSockets takes a socket that several processes hold for one, and none for its own peer", () => {
  expect(joinSockets([tcp(8, 7, 7), tcp(8, 7, 7), holder()])).toMatchObject([
    { socket: 8, peer: undefined },
  ]);
});

test("joinSockets tells who has a socket, if that is one process", () => {
  const shared = tcp(8, 1, 2);
  const [first, second] = joinSockets([shared, tcp(16, 5, 6), { ...shared, pid: shared.pid + 1 }]);
  expect([first?.owner, second?.owner]).toEqual([undefined, tcp(16, 5, 6)]);
});

test("joinSockets joins two sockets between which bytes are on their way", () => {
  const top = 2 ** 32 - 10;
  expect(
    joinSockets([tcp(8, 20, 9e8), tcp(16, 9e8, top), tcp(24, 9e8, 20 + 2 ** 20)]),
  ).toMatchObject([
    { socket: 8, peer: 16 },
    { socket: 16, peer: 8 },
    { socket: 24, peer: undefined },
  ]);
});

test("joinSockets leaves sockets alone of which more than one might be the other end", () => {
  const found = joinSockets([tcp(8, 100, 200), tcp(16, 210, 90), tcp(24, 220, 80)]);
  expect(found.map((each) => each.peer)).toEqual([undefined, undefined, undefined]);
});
