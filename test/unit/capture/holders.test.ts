import { expect, test } from "bun:test";
import { decodeHolders } from "../../../src/capture/holders.ts";
import { holderRecord } from "./records.ts";

const reader = holderRecord({
  channel: 0xffff_8881_0000_1000n,
  generation: 4711,
  startNs: 123_456_789,
  tgid: 20,
  fd: 0,
  channelKind: 1,
  mode: 1,
  buffered: 17,
  comm: "python3",
});
const socket = holderRecord({
  channel: 0xffff_8881_0000_2000n,
  generation: 815,
  peer: 0xffff_8881_0000_3000n,
  startNs: 5,
  tgid: 21,
  fd: 1023,
  channelKind: 3,
  mode: 3,
  comm: "node",
});

test("decodeHolders reads who holds which end", () => {
  expect(decodeHolders(Buffer.concat([reader, socket]))).toEqual([
    {
      channel: 0x1f_8881_0000_1000,
      generation: 4711,
      peer: 0,
      kind: "pipe",
      pid: 20,
      startNs: 123_456_789,
      comm: "python3",
      fd: 0,
      mayRead: true,
      mayWrite: false,
      buffered: 17,
      sendNext: 0,
      receiveNext: 0,
    },
    {
      channel: 0x1f_8881_0000_2000,
      generation: 815,
      peer: 0x1f_8881_0000_3000,
      kind: "unix-stream",
      pid: 21,
      startNs: 5,
      comm: "node",
      fd: 1023,
      mayRead: true,
      mayWrite: true,
      buffered: 0,
      sendNext: 0,
      receiveNext: 0,
    },
  ]);
});

test.each([
  [1, true, false],
  [2, false, true],
  [3, true, true],
])("decodeHolders reads mode %d", (mode, mayRead, mayWrite) => {
  const record = holderRecord({
    channel: 1n,
    generation: 1,
    tgid: 1,
    fd: 4,
    channelKind: 2,
    mode,
    comm: "cat",
  });
  expect(decodeHolders(record)).toEqual([
    expect.objectContaining({ kind: "fifo", mayRead, mayWrite }),
  ]);
});

test("decodeHolders reads bytes that begin inside another buffer", () => {
  const bytes = Buffer.concat([Buffer.alloc(5, 0xff), socket]).subarray(5);
  expect(decodeHolders(bytes)).toEqual([expect.objectContaining({ pid: 21, fd: 1023 })]);
});

test("decodeHolders leaves an incomplete record out", () => {
  const bytes = Buffer.concat([reader, socket.subarray(0, -1)]);
  expect(decodeHolders(bytes)).toEqual([expect.objectContaining({ pid: 20 })]);
  expect(decodeHolders(new Uint8Array(0))).toEqual([]);
});

test("decodeHolders takes a descriptor once that several threads of a process show", () => {
  const found = decodeHolders(Buffer.concat([reader, socket, reader, socket]));
  expect(found.map(({ pid, fd }) => [pid, fd])).toEqual([
    [20, 0],
    [21, 1023],
  ]);
});
