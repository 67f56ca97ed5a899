import { expect, test } from "bun:test";
import { Inquiry } from "../../../src/live/inquiry.ts";
import { ChannelState } from "../../../src/stream/channel-state.ts";
import { makeChannel } from "../framing/items.ts";
import { INODE, PIPE, processes, WRITER } from "../stream/events.ts";
import { counts, FakeKernel, holder } from "./fake-kernel.ts";

function setUp() {
  const kernel = new FakeKernel();
  const clock = { nowNs: 1_000_000_000 };
  const inquiry = new Inquiry(
    { entries: kernel, scan: () => [...kernel.scan()] },
    processes(),
    () => clock.nowNs,
  );
  const place = { kind: "pipe", inode: INODE, address: PIPE, late: false } as const;
  return { kernel, clock, inquiry, channel: new ChannelState("pipe:4711", place) };
}

test("Inquiry knows that a channel is wanted from its entry, and then by itself", () => {
  const { kernel, inquiry, channel } = setUp();
  expect(inquiry.isWanted(channel)).toBe(false);
  kernel.entries.set(PIPE, counts({ generation: 4712, wanted: true }));
  expect(inquiry.isWanted(channel)).toBe(false);
  kernel.entries.set(PIPE, counts({ wanted: true }));
  expect(inquiry.isWanted(channel)).toBe(true);
  kernel.entries.clear();
  expect(inquiry.isWanted(channel)).toBe(true);
  expect(inquiry.isWanted(makeChannel("pipe:1"))).toBe(false);
});

test("Inquiry names the writer that the entry knows, without a scan", () => {
  const { kernel, inquiry, channel } = setUp();
  kernel.entries.set(PIPE, counts({ writerPid: WRITER, writerStartNs: 5 }));
  expect(inquiry.writerOf(channel)?.pid).toBe(WRITER);
  expect(kernel.scans).toBe(0);
});

test("Inquiry looks who holds the writing end, ten times a second at most", () => {
  const { kernel, clock, inquiry, channel } = setUp();
  kernel.holders = [holder({ pid: WRITER, mayRead: false, mayWrite: true }), holder()];
  expect(inquiry.writerOf(channel)?.pid).toBe(WRITER);
  clock.nowNs += 99_000_000;
  expect(inquiry.writerOf(channel)).toBeUndefined();
  clock.nowNs += 1_000_000;
  expect(inquiry.writerOf(channel)?.pid).toBe(WRITER);
  expect(kernel.scans).toBe(2);
});
