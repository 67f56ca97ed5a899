import { expect, test } from "bun:test";
import { heirsIn } from "../../../src/live/heirs.ts";
import { ChannelState } from "../../../src/stream/channel-state.ts";
import { PIPE, READER, WRITER } from "../stream/events.ts";
import { holder } from "./fake-kernel.ts";

const OWN = 1;

function party(pid: number) {
  const rest = { comm: "", commandLine: [], containerId: undefined, exit: undefined };
  return { pid, startNs: pid * 1_000, ...rest };
}

function channel(kind: "pipe" | "unix-stream" = "pipe"): ChannelState {
  const state = new ChannelState("pipe:4711", { kind, inode: 4711, address: PIPE, late: false });
  state.reader = party(READER);
  state.writer = party(WRITER);
  return state;
}

const writing = { mayRead: false, mayWrite: true };

test("heirsIn finds who holds an end besides its reader and its writer", () => {
  const supervisor = [holder({ pid: 99 }), holder({ pid: 99, fd: 1, ...writing })];
  expect(heirsIn([holder(), ...supervisor], OWN)(channel())).toEqual({
    readers: [99],
    writers: [99],
  });
});

test("heirsIn takes neither the other end, nor the tool itself, nor another channel's holder for one", () => {
  const holders = [
    holder({ pid: READER }),
    holder({ pid: WRITER, ...writing }),
    holder({ pid: WRITER }),
    holder({ pid: OWN }),
    holder({ pid: 99, channel: PIPE + 64 }),
  ];
  expect(heirsIn(holders, OWN)(channel())).toEqual({ readers: [], writers: [] });
});

test("heirsIn knows that a socket writes into its peer", () => {
  const socket = { kind: "unix-stream", mayRead: true, mayWrite: true } as const;
  const holders = [holder({ ...socket, channel: PIPE + 64, peer: PIPE, pid: 99 })];
  expect(heirsIn(holders, OWN)(channel("unix-stream"))).toEqual({ readers: [], writers: [99] });
});
