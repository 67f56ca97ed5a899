import { expect, test } from "bun:test";
import { IO_FLAG } from "../../../src/capture/layout.ts";
import type { KernelEvent } from "../../../src/capture/types.ts";
import { brief, data, found, io, note, PIPE, READER, WRITER } from "../stream/events.ts";
import { exit, SECOND, setUp } from "./closer-setup.ts";
import { counts, holder } from "./fake-kernel.ts";

const MS = 1_000_000;

/** A channel of which 3 bytes were read and 5 written, both counted by the kernel. */
function heardPipe(set: ReturnType<typeof setUp>) {
  set.hear(note(5, 5), data("abc", { moved: 3 }));
  set.kernel.entries.set(PIPE, counts({ moved: 3, written: 5 }));
  set.take();
}

test("Closer names the ends of a channel of which only notes found room, as its entry has them", () => {
  const set = setUp();
  set.hear(note(5, 5));
  const ends = { readerPid: READER, readerStartNs: READER * 1_000, writerPid: WRITER };
  set.kernel.entries.set(PIPE, counts({ moved: 5, lost: 5, written: 5, ...ends }));
  expect(set.closer.catchUp(1_000)).toBe(true);
  expect(set.stage.channels.get(PIPE)?.reader?.pid).toBe(READER);
  expect(set.take()).toEqual([["pipe:4711", "ring_full", 5]]);
});

test("Closer ends a channel when its reader saw the end, without a question to the kernel", () => {
  const set = setUp();
  set.kernel.counts = () => expect.unreachable();
  set.hear(note(3, 3), data("abc", { moved: 3 }), io("eof", { moved: 3 }));
  expect(set.take()).toEqual([
    ["pipe:4711", 0, "abc"],
    ["pipe:4711", "end", 0],
  ]);
});

test("Closer takes bytes that a reader at the end was not heard to read for read unseen", () => {
  const set = setUp();
  set.hear(note(5, 5), data("abc", { moved: 3 }), io("eof", { moved: 3, len: 2 }));
  expect(set.take()).toEqual([
    ["pipe:4711", 0, "abc"],
    ["pipe:4711", "unseen_read", 2],
    ["pipe:4711", "end", 0],
  ]);
  expect(set.closer.missedBytes).toBe(0);
});

test("Closer does not miss at the end what lay in the channel before it was heard, and was read", () => {
  const set = setUp();
  set.push(found({ buffered: 3 }));
  set.hear(data("abc", { moved: 3 }), io("eof", { moved: 3, len: -3 }));
  expect(set.take()).toEqual([
    ["pipe:4711", 0, "abc"],
    ["pipe:4711", "end", 0],
  ]);
});

test("Closer counts those bytes as missed where the kernel skips runs", () => {
  const set = setUp();
  set.state.hasSkips = true;
  set.hear(note(5, 5), data("abc", { moved: 3 }), io("eof", { moved: 3, len: 2 }));
  expect(set.take()).toEqual([
    ["pipe:4711", 0, "abc"],
    ["pipe:4711", "end", 0],
  ]);
  expect(set.closer.missedBytes).toBe(2);
});

test("Closer tells of the last loss before a channel's end, and who was at its ends", () => {
  const set = setUp();
  const ends = { writerPid: WRITER, writerStartNs: WRITER * 1_000 };
  set.kernel.gone.push([PIPE, counts({ moved: 13, lost: 10, written: 13, ...ends })]);
  set.hear(data("abc", { moved: 3 }), io("eof", { moved: 13, lost: 10 }));
  const told = set.items();
  expect(brief(told)).toEqual([
    ["pipe:4711", 0, "abc"],
    ["pipe:4711", "ring_full", 10],
    ["pipe:4711", "end", 0],
  ]);
  const [first] = told;
  expect(first?.kind === "chunk" ? first.channel.writer?.pid : undefined).toBe(WRITER);
  expect(set.kernel.gone).toEqual([]);
});

test("Closer does not end the next channel at an address for the end of the last one", () => {
  const set = setUp();
  set.kernel.entries.set(PIPE, counts({ moved: 3, written: 3 }));
  set.hear(io("eof", { generation: 1 }), data("abc"));
  expect(set.take()).toEqual([["pipe:4711", 0, "abc"]]);
  expect(set.kernel.entries.size).toBe(1);
});

test("Closer ends a channel that nobody can read any more, with what was not read", () => {
  const set = setUp();
  heardPipe(set);
  set.hear(exit(READER, SECOND));
  set.kernel.holders = [holder({ pid: WRITER, mayRead: false, mayWrite: true })];
  set.closer.closeUnheld(2 * SECOND);
  expect(set.take()).toEqual([
    ["process-end", 20],
    ["pipe:4711", "end", 2],
  ]);
  expect(set.kernel.entries.size).toBe(0);
});

test("Closer counts what lay in the channel before among the unread", () => {
  const set = setUp();
  set.push(found({ buffered: 100 }));
  set.kernel.entries.set(PIPE, counts({ written: 5 }));
  set.closer.closeUnheld(SECOND);
  set.closer.closeUnheld(6 * SECOND);
  expect(set.take()).toEqual([["pipe:4711", "end", 105]]);
});

test("Closer does not count what left by splice among the unread", () => {
  const set = setUp();
  set.hear(data("abc"), io("unseen", { len: 4 }), exit(READER, SECOND));
  set.kernel.entries.set(PIPE, counts({ moved: 3, unseen: 4, written: 9 }));
  set.take();
  set.closer.closeUnheld(2 * SECOND);
  expect(set.take()).toEqual([["pipe:4711", "end", 2]]);
});

test.each(["muted", "half written at the start", "set aside"])(
  "Closer claims no unread bytes of a channel that was %s",
  (why) => {
    const set = setUp();
    heardPipe(set);
    if (why === "muted")
      set.kernel.entries.set(PIPE, counts({ moved: 3, written: 5, muted: true }));
    const channel = set.stage.channels.get(PIPE);
    if (why === "half written at the start") channel?.losePlaces();
    if (why === "set aside") channel?.loseCount();
    set.hear(exit(READER, SECOND));
    set.closer.closeUnheld(2 * SECOND);
    expect(set.take()).toEqual([
      ["process-end", 20],
      ["pipe:4711", "end", 0],
    ]);
  },
);

test.each(["unix-dgram", "unix-seqpacket"] as const)(
  "Closer claims no unread bytes of a %s socket, whose reads are not heard",
  (kind) => {
    const set = setUp();
    set.push(found({ channelKind: kind }));
    set.kernel.entries.set(PIPE, counts({ written: 9, kind }));
    set.closer.closeUnheld(SECOND);
    set.closer.closeUnheld(6 * SECOND);
    expect(set.take()).toEqual([["unix:4711", "end", 0]]);
  },
);

test("Closer leaves a channel that somebody holds, a socket by any process", () => {
  const set = setUp();
  heardPipe(set);
  set.push(data("x", { channel: 64, generation: 9, channelKind: "unix-stream" }));
  set.kernel.holders = [
    holder(),
    holder({ channel: 64, generation: 9, kind: "unix-stream", mayRead: false, pid: 77 }),
  ];
  set.hear(exit(READER, SECOND));
  set.take();
  set.closer.closeUnheld(100 * SECOND);
  expect(set.take()).toEqual([]);
});

test("Closer gives descriptors on their way through a socket 5 s while their reader lives", () => {
  const set = setUp();
  set.hear(data("abc", { timeNs: SECOND }));
  set.take();
  for (const seconds of [100, 102, 104.9]) set.closer.closeUnheld(seconds * SECOND, true);
  expect(set.take()).toEqual([]);
  set.closer.closeUnheld(105.1 * SECOND, true);
  expect(set.take()).toEqual([["pipe:4711", "end", 0]]);
});

test("Closer keeps a channel that nobody's table shows as long as bytes come: io_uring has tables of its own", () => {
  const set = setUp();
  for (let at = 100; at < 130; at += 4) {
    set.hear(data("abc", { timeNs: at * SECOND }));
    set.closer.closeUnheld(at * SECOND, true);
    set.closer.closeUnheld((at + 3) * SECOND, true);
  }
  expect(set.stage.channels.size).toBe(1);
});

test("Closer gives a channel that was held meanwhile its 5 s anew", () => {
  const set = setUp();
  set.hear(data("abc", { timeNs: SECOND }));
  set.take();
  set.closer.closeUnheld(100 * SECOND);
  set.kernel.holders = [holder()];
  set.closer.closeUnheld(105 * SECOND);
  set.kernel.holders = [];
  set.closer.closeUnheld(115 * SECOND);
  expect(set.take()).toEqual([]);
});

test("Closer gives a channel 5 s of which no reader is known, but at the end none", () => {
  for (const isLast of [false, true]) {
    const set = setUp();
    set.hear(note(10, 10));
    set.kernel.entries.set(PIPE, counts({ written: 10 }));
    set.closer.closeUnheld(SECOND, isLast);
    expect(set.take()).toEqual(isLast ? [["pipe:4711", "end", 10]] : []);
  }
});

test("Closer looks at once, then every 10 s, and does not look for nothing", () => {
  const set = setUp();
  set.closer.closeUnheld(SECOND);
  expect(set.kernel.scans).toBe(0);
  set.hear(data("abc"));
  set.kernel.holders = [holder()];
  for (let ms = 1_000; ms < 32_000; ms += 200) set.closer.closeUnheld(ms * MS);
  expect(set.kernel.scans).toBe(4);
});

test("Closer looks soon after an end of a known channel has exited or broken, not for others", () => {
  const set = setUp();
  set.hear(note(3, 3), data("abc"));
  set.kernel.holders = [holder()];
  set.closer.closeUnheld(10 * SECOND);
  const scansAfter = (event: KernelEvent, fromNs: number) => {
    const before = set.kernel.scans;
    set.hear(event);
    for (let ms = 0; ms <= 1_000; ms += 50) set.closer.closeUnheld(fromNs + ms * MS);
    return set.kernel.scans - before;
  };
  expect(scansAfter(exit(99, 11 * SECOND), 11 * SECOND)).toBe(0);
  expect(scansAfter(io("broken", { timeNs: 13 * SECOND }), 13 * SECOND)).toBe(1);
  expect(scansAfter(exit(WRITER, 15 * SECOND), 15 * SECOND)).toBe(1);
});

test("Closer looks twice a second at most, however many processes exit", () => {
  const set = setUp();
  set.hear(note(3, 3), data("abc"));
  set.kernel.holders = [holder()];
  for (let ms = 0; ms < 5_000; ms += 10) {
    set.hear(io("broken", { timeNs: ms * MS }));
    set.closer.closeUnheld(ms * MS);
  }
  expect(set.kernel.scans).toBeGreaterThan(5);
  expect(set.kernel.scans).toBeLessThanOrEqual(11);
});

test("Closer catches up with loss that no record has told of, once", () => {
  const set = setUp();
  set.hear(data("abc", { moved: 3 }));
  set.kernel.entries.set(PIPE, counts({ moved: 53, lost: 50 }));
  set.take();
  expect(set.closer.catchUp(SECOND)).toBe(true);
  expect(set.closer.catchUp(SECOND)).toBe(true);
  expect(set.take()).toEqual([["pipe:4711", "ring_full", 50]]);
});

test("Closer does not catch up while records are in the ring", () => {
  const set = setUp();
  set.hear(data("abc", { moved: 3 }));
  set.kernel.entries.set(PIPE, counts({ moved: 53, lost: 50 }));
  set.take();
  set.state.isQuiet = false;
  expect(set.closer.catchUp(SECOND)).toBe(false);
  expect(set.take()).toEqual([]);
});

test("Closer gives up, at the end, all that was read and never heard of", () => {
  const set = setUp();
  set.hear(data("abc", { moved: 3 }));
  set.kernel.entries.set(PIPE, counts({ moved: 60, lost: 50 }));
  set.take();
  set.closer.giveUp(SECOND);
  expect(set.take()).toEqual([["pipe:4711", "ring_full", 57]]);
});

test("Closer gives nothing up where all was heard, or where nothing was copied", () => {
  const set = setUp();
  heardPipe(set);
  set.push(data("x", { channel: 64, generation: 9 }));
  set.kernel.entries.set(64, counts({ generation: 9, moved: 1_000 }));
  const aside = set.stage.channels.get(64);
  aside?.loseCount();
  set.take();
  set.closer.giveUp(SECOND);
  expect(set.take()).toEqual([]);
});

test("Closer counts as missed what was written, not heard, and does not lie in the channel", () => {
  const set = setUp();
  set.state.hasSkips = true;
  set.hear(note(100, 100), data("abc", { moved: 3 }));
  set.kernel.entries.set(PIPE, counts({ moved: 3, written: 100 }));
  set.kernel.holders = [holder({ buffered: 90 })];
  set.closer.countMissed();
  expect(set.closer.missedBytes).toBe(7);
});

test("Closer counts nothing as missed where the kernel skips no runs", () => {
  const set = setUp();
  heardPipe(set);
  set.kernel.holders = [holder()];
  set.closer.countMissed();
  expect(set.closer.missedBytes).toBe(0);
});

test.each(["closed", "read to its end"])(
  "Closer keeps that a channel was wanted when it is %s, and the kernel forgets it",
  (how) => {
    const set = setUp();
    set.hear(data("abc", { moved: 3 }));
    const channel = set.stage.channels.get(PIPE);
    set.kernel.entries.set(PIPE, counts({ moved: 3, written: 3, wanted: true }));
    if (how === "closed") for (const at of [94, 100]) set.closer.closeUnheld(at * SECOND);
    else set.hear(io("eof", { moved: 3, flags: IO_FLAG.wanted }));
    expect(set.stage.channels.size).toBe(0);
    expect(channel?.wanted).toBe(true);
  },
);

test.each(["closed", "read to its end"])(
  "Closer tells what was read and neither heard nor counted as lost, when a channel is %s",
  (how) => {
    const set = setUp();
    set.hear(note(10, 10), data("abc", { moved: 10 }));
    set.take();
    if (how === "closed") {
      set.kernel.entries.set(PIPE, counts({ moved: 10, lost: 2, written: 10 }));
      for (const at of [94, 100]) set.closer.closeUnheld(at * SECOND);
      // its record may be about to be: a byte is counted before there is room for it
      expect(set.take()).toEqual([]);
      set.closer.closeUnheld(101 * SECOND);
    } else set.hear(io("eof", { moved: 10, lost: 2 }));
    expect(set.take()).toEqual([
      ["pipe:4711", "ring_full", 7],
      ["pipe:4711", "end", 0],
    ]);
  },
);

test("Closer waits with a channel as long as more and more of it is counted before its records come", () => {
  const set = setUp();
  set.hear(data("abc", { moved: 3 }));
  set.take();
  set.closer.closeUnheld(90 * SECOND);
  for (const [at, moved] of [5, 7, 9].entries()) {
    set.kernel.entries.set(PIPE, counts({ moved }));
    set.closer.closeUnheld((100 + at) * SECOND);
    expect(set.take()).toEqual([]);
  }
  set.closer.closeUnheld(110 * SECOND);
  expect(set.take()).toEqual([
    ["pipe:4711", "ring_full", 6],
    ["pipe:4711", "end", 0],
  ]);
});
