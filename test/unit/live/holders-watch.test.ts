import { expect, test } from "bun:test";
import type { StreamEvent } from "../../../src/capture/types.ts";
import { data, io, note, PIPE, READER, WRITER } from "../stream/events.ts";
import { exit, SECOND, setUp } from "./accounts-setup.ts";
import { counts, holder } from "./fake-kernel.ts";

const MS = 1_000_000;

/** A channel of which 3 bytes were read and 5 written, both counted by the kernel. */
function heardPipe(set: ReturnType<typeof setUp>) {
  set.hear(note(5, 5), data("abc", { moved: 3 }));
  set.kernel.entries.set(PIPE, counts({ moved: 3, written: 5 }));
  set.take();
}

test("HoldersWatch leaves a channel that somebody holds, a socket by any process", () => {
  const set = setUp();
  heardPipe(set);
  set.push(data("x", { channel: 64, generation: 9, channelKind: "unix-stream" }));
  set.kernel.holders = [
    holder(),
    holder({ channel: 64, generation: 9, kind: "unix-stream", mayRead: false, pid: 77 }),
  ];
  set.hear(exit(READER, SECOND));
  set.take();
  set.holders.look(100 * SECOND);
  expect(set.take()).toEqual([]);
});

test("HoldersWatch gives descriptors on their way through a socket 5 s while their reader lives", () => {
  const set = setUp();
  set.hear(data("abc", { timeNs: SECOND }));
  set.take();
  for (const seconds of [100, 102, 104.9]) set.holders.look(seconds * SECOND, true);
  expect(set.take()).toEqual([]);
  set.holders.look(105.1 * SECOND, true);
  expect(set.take()).toEqual([["pipe:4711", "end", 0]]);
});

test("HoldersWatch keeps a channel that nobody's table shows as long as bytes come: io_uring has tables of its own", () => {
  const set = setUp();
  for (let at = 100; at < 130; at += 4) {
    set.hear(data("abc", { timeNs: at * SECOND }));
    set.holders.look(at * SECOND, true);
    set.holders.look((at + 3) * SECOND, true);
  }
  expect(set.stage.channels.size).toBe(1);
});

test("HoldersWatch gives a channel that was held meanwhile its 5 s anew", () => {
  const set = setUp();
  set.hear(data("abc", { timeNs: SECOND }));
  set.take();
  set.holders.look(100 * SECOND);
  set.kernel.holders = [holder()];
  set.holders.look(105 * SECOND);
  set.kernel.holders = [];
  set.holders.look(115 * SECOND);
  expect(set.take()).toEqual([]);
});

test("HoldersWatch gives a channel 5 s of which no reader is known, but at the end none", () => {
  for (const isLast of [false, true]) {
    const set = setUp();
    set.hear(note(10, 10));
    set.kernel.entries.set(PIPE, counts({ written: 10 }));
    set.holders.look(SECOND, isLast);
    expect(set.take()).toEqual(isLast ? [["pipe:4711", "end", 10]] : []);
  }
});

test("HoldersWatch looks at once, then every 10 s, and does not look for nothing", () => {
  const set = setUp();
  set.holders.look(SECOND);
  expect(set.kernel.scans).toBe(0);
  set.hear(data("abc"));
  set.kernel.holders = [holder()];
  for (let ms = 1_000; ms < 32_000; ms += 200) set.holders.look(ms * MS);
  expect(set.kernel.scans).toBe(4);
});

test("HoldersWatch looks soon after an end of a known channel has exited or broken, not for others", () => {
  const set = setUp();
  set.hear(note(3, 3), data("abc"));
  set.kernel.holders = [holder()];
  set.holders.look(10 * SECOND);
  const scansAfter = (event: StreamEvent, fromNs: number) => {
    const before = set.kernel.scans;
    set.hear(event);
    for (let ms = 0; ms <= 1_000; ms += 50) set.holders.look(fromNs + ms * MS);
    return set.kernel.scans - before;
  };
  expect(scansAfter(exit(99, 11 * SECOND), 11 * SECOND)).toBe(0);
  expect(scansAfter(io("broken", { timeNs: 13 * SECOND }), 13 * SECOND)).toBe(1);
  expect(scansAfter(exit(WRITER, 15 * SECOND), 15 * SECOND)).toBe(1);
});

test("HoldersWatch looks twice a second at most, however many processes exit", () => {
  const set = setUp();
  set.hear(note(3, 3), data("abc"));
  set.kernel.holders = [holder()];
  for (let ms = 0; ms < 5_000; ms += 10) {
    set.hear(io("broken", { timeNs: ms * MS }));
    set.holders.look(ms * MS);
  }
  expect(set.kernel.scans).toBeGreaterThan(5);
  expect(set.kernel.scans).toBeLessThanOrEqual(11);
});

test("HoldersWatch tells whether others hold a channel of which an end has gone", () => {
  const set = setUp();
  heardPipe(set);
  const [channel] = set.stage.channels.values();
  set.kernel.holders = [holder({ pid: 99 })];
  set.holders.look(50 * SECOND);
  expect(channel?.heirs).toBeUndefined();
  set.hear(exit(READER, 60 * SECOND));
  expect(channel?.heirs).toEqual({ canRead: true, canWrite: true });
  set.holders.look(61 * SECOND);
  expect(channel?.heirs).toEqual({ canRead: true, canWrite: false });
  set.kernel.holders = [holder({ pid: WRITER, mayRead: false, mayWrite: true })];
  set.hear(exit(99, 62 * SECOND));
  set.holders.look(62.1 * SECOND);
  expect(channel?.heirs).toEqual({ canRead: false, canWrite: false });
});
