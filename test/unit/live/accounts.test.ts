import { expect, test } from "bun:test";
import { IO_FLAG } from "../../../src/capture/layout.ts";
import { brief, data, found, io, note, PIPE, pidOf, READER, WRITER } from "../stream/events.ts";
import { exit, SECOND, setUp } from "./accounts-setup.ts";
import { counts, holder } from "./fake-kernel.ts";

/** A channel of which 3 bytes were read and 5 written, both counted by the kernel. */
function heardPipe(set: ReturnType<typeof setUp>) {
  set.hear(note(5, 5), data("abc", { moved: 3 }));
  set.kernel.entries.set(PIPE, counts({ moved: 3, written: 5 }));
  set.take();
}

test("Accounts names the ends of a channel of which only notes found room, as its entry has them", () => {
  const set = setUp();
  set.hear(note(5, 5));
  const ends = { readerPid: READER, readerStartNs: READER * 1_000, writerPid: WRITER };
  set.kernel.entries.set(PIPE, counts({ moved: 5, lost: 5, written: 5, ...ends }));
  expect(set.accounts.catchUp(1_000)).toBe(true);
  expect(pidOf(set.stage.channels.get(PIPE)?.reader)).toBe(READER);
  expect(set.take()).toEqual([["pipe:4711", "ring_full", 5]]);
});

test("Accounts ends a channel when its reader saw the end, without a question to the kernel", () => {
  const set = setUp();
  set.kernel.counts = () => expect.unreachable();
  set.hear(note(3, 3), data("abc", { moved: 3 }), io("eof", { moved: 3 }));
  expect(set.take()).toEqual([
    ["pipe:4711", 0, "abc"],
    ["pipe:4711", "end", 0],
  ]);
});

test("Accounts takes bytes that a reader at the end was not heard to read for read unseen", () => {
  const set = setUp();
  set.hear(note(5, 5), data("abc", { moved: 3 }), io("eof", { moved: 3, len: 2 }));
  expect(set.take()).toEqual([
    ["pipe:4711", 0, "abc"],
    ["pipe:4711", "unseen_read", 2],
    ["pipe:4711", "end", 0],
  ]);
  expect(set.accounts.missedBytes).toBe(0);
});

test("Accounts does not miss at the end what lay in the channel before it was heard, and was read", () => {
  const set = setUp();
  set.push(found({ buffered: 3 }));
  set.hear(data("abc", { moved: 3 }), io("eof", { moved: 3, len: -3 }));
  expect(set.take()).toEqual([
    ["pipe:4711", 0, "abc"],
    ["pipe:4711", "end", 0],
  ]);
});

test("Accounts counts those bytes as missed where the kernel skips runs", () => {
  const set = setUp();
  set.state.hasSkips = true;
  set.hear(note(5, 5), data("abc", { moved: 3 }), io("eof", { moved: 3, len: 2 }));
  expect(set.take()).toEqual([
    ["pipe:4711", 0, "abc"],
    ["pipe:4711", "end", 0],
  ]);
  expect(set.accounts.missedBytes).toBe(2);
});

test("Accounts tells of the last loss before a channel's end, and who was at its ends", () => {
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
  expect(first?.kind === "chunk" ? pidOf(first.channel.writer) : undefined).toBe(WRITER);
  expect(set.kernel.gone).toEqual([]);
});

test("Accounts does not end the next channel at an address for the end of the last one", () => {
  const set = setUp();
  set.kernel.entries.set(PIPE, counts({ moved: 3, written: 3 }));
  set.hear(io("eof", { generation: 1 }), data("abc"));
  expect(set.take()).toEqual([["pipe:4711", 0, "abc"]]);
  expect(set.kernel.entries.size).toBe(1);
});

test("Accounts ends a channel that nobody can read any more, with what was not read", () => {
  const set = setUp();
  heardPipe(set);
  set.hear(exit(READER, SECOND));
  set.kernel.holders = [holder({ pid: WRITER, mayRead: false, mayWrite: true })];
  set.holders.look(2 * SECOND);
  expect(set.take()).toEqual([
    ["process-end", 20],
    ["pipe:4711", "end", 2],
  ]);
  expect(set.kernel.entries.size).toBe(0);
});

test("Accounts counts what lay in the channel before among the unread", () => {
  const set = setUp();
  set.push(found({ buffered: 100 }));
  set.kernel.entries.set(PIPE, counts({ written: 5 }));
  set.holders.look(SECOND);
  set.holders.look(6 * SECOND);
  expect(set.take()).toEqual([["pipe:4711", "end", 105]]);
});

test("Accounts does not count what left by splice among the unread", () => {
  const set = setUp();
  set.hear(data("abc"), io("unseen", { len: 4 }), exit(READER, SECOND));
  set.kernel.entries.set(PIPE, counts({ moved: 3, unseen: 4, written: 9 }));
  set.take();
  set.holders.look(2 * SECOND);
  expect(set.take()).toEqual([["pipe:4711", "end", 2]]);
});

test.each(["muted", "half written at the start", "set aside"])(
  "Accounts claims no unread bytes of a channel that was %s",
  (why) => {
    const set = setUp();
    heardPipe(set);
    if (why === "muted")
      set.kernel.entries.set(PIPE, counts({ moved: 3, written: 5, muted: true }));
    const channel = set.stage.channels.get(PIPE);
    if (why === "half written at the start") channel?.losePlaces();
    if (why === "set aside") channel?.loseCount();
    set.hear(exit(READER, SECOND));
    set.holders.look(2 * SECOND);
    expect(set.take()).toEqual([
      ["process-end", 20],
      ["pipe:4711", "end", 0],
    ]);
  },
);

test.each(["unix-dgram", "unix-seqpacket"] as const)(
  "Accounts claims no unread bytes of a %s socket, whose reads are not heard",
  (kind) => {
    const set = setUp();
    set.push(found({ channelKind: kind }));
    set.kernel.entries.set(PIPE, counts({ written: 9, kind }));
    set.holders.look(SECOND);
    set.holders.look(6 * SECOND);
    expect(set.take()).toEqual([["unix:4711", "end", 0]]);
  },
);

test("Accounts catches up with loss that no record has told of, once", () => {
  const set = setUp();
  set.hear(data("abc", { moved: 3 }));
  set.kernel.entries.set(PIPE, counts({ moved: 53, lost: 50 }));
  set.take();
  expect(set.accounts.catchUp(SECOND)).toBe(true);
  expect(set.accounts.catchUp(SECOND)).toBe(true);
  expect(set.take()).toEqual([["pipe:4711", "ring_full", 50]]);
});

test("Accounts does not catch up while records are in the ring", () => {
  const set = setUp();
  set.hear(data("abc", { moved: 3 }));
  set.kernel.entries.set(PIPE, counts({ moved: 53, lost: 50 }));
  set.take();
  set.state.isQuiet = false;
  expect(set.accounts.catchUp(SECOND)).toBe(false);
  expect(set.take()).toEqual([]);
});

test("Accounts gives up, at the end, all that was read and never heard of", () => {
  const set = setUp();
  set.hear(data("abc", { moved: 3 }));
  set.kernel.entries.set(PIPE, counts({ moved: 60, lost: 50 }));
  set.take();
  set.accounts.giveUp(SECOND);
  expect(set.take()).toEqual([["pipe:4711", "ring_full", 57]]);
});

test("Accounts gives nothing up where all was heard, or where nothing was copied", () => {
  const set = setUp();
  heardPipe(set);
  set.push(data("x", { channel: 64, generation: 9 }));
  set.kernel.entries.set(64, counts({ generation: 9, moved: 1_000 }));
  const aside = set.stage.channels.get(64);
  aside?.loseCount();
  set.take();
  set.accounts.giveUp(SECOND);
  expect(set.take()).toEqual([]);
});

test("Accounts counts as missed what was written, not heard, and does not lie in the channel", () => {
  const set = setUp();
  set.state.hasSkips = true;
  set.hear(note(100, 100), data("abc", { moved: 3 }));
  set.kernel.entries.set(PIPE, counts({ moved: 3, written: 100 }));
  set.kernel.holders = [holder({ buffered: 90 })];
  set.accounts.tellLying(SECOND);
  expect(set.accounts.missedBytes).toBe(7);
});

test("Accounts counts nothing as missed where the kernel skips no runs", () => {
  const set = setUp();
  heardPipe(set);
  set.kernel.holders = [holder()];
  set.accounts.tellLying(SECOND);
  expect(set.accounts.missedBytes).toBe(0);
});

test("Accounts tells at the end what lies unread in a channel that is open, since when, and who wrote it", () => {
  const set = setUp();
  set.hear(note(3, 3, { timeNs: 1_000 }), data("abc", { moved: 3 }));
  set.hear(note(40, 43, { timeNs: 2_000 }), note(60, 103, { timeNs: 3_000 }));
  set.kernel.entries.set(PIPE, counts({ moved: 3, written: 103 }));
  set.kernel.holders = [holder({ buffered: 100 })];
  set.take();
  set.accounts.tellLying(SECOND);
  const items = set.items();
  expect(brief(items)).toEqual([["pipe:4711", "lying", 100, 2_000]]);
  const [lying] = items;
  expect(lying?.kind === "lying" && pidOf(lying.channel.writer)).toBe(WRITER);
});

test.each([
  ["written after the last record", { moved: 3, written: 5 }, 90, 0.9, 2],
  ["read after the last record", { moved: 3, written: 5 }, 0, 0.9, undefined],
  ["of a write that waits for room", { moved: 3, written: 3 }, 65_536, 2, 65_536],
  ["that the tool wrote itself", { moved: 3, written: 5, muted: true }, 65_536, 2, undefined],
] as const)(
  "Accounts tells at the end of bytes %s: %p, %d lie there, nothing read for %d s → %p",
  (_, counted, buffered, seconds, told) => {
    const set = setUp();
    heardPipe(set);
    set.kernel.entries.set(PIPE, counts(counted));
    set.kernel.holders = [holder({ buffered })];
    set.accounts.tellLying(seconds * SECOND);
    const bytes = set.items().map((item) => (item.kind === "lying" ? item.bytes : item.kind));
    expect(bytes).toEqual(told === undefined ? [] : [told]);
  },
);

test("Accounts tells what lies in a channel whose writes are known in part only, as the kernel has it", () => {
  const set = setUp();
  heardPipe(set);
  set.stage.channels.get(PIPE)?.losePlaces();
  set.kernel.holders = [holder({ buffered: 77 })];
  set.accounts.tellLying(SECOND);
  expect(set.take()).toEqual([["pipe:4711", "lying", 77, undefined]]);
});

test.each(["closed", "read to its end"])(
  "Accounts keeps that a channel was wanted when it is %s, and the kernel forgets it",
  (how) => {
    const set = setUp();
    set.hear(data("abc", { moved: 3 }));
    const channel = set.stage.channels.get(PIPE);
    set.kernel.entries.set(PIPE, counts({ moved: 3, written: 3, wanted: true }));
    if (how === "closed") for (const at of [94, 100]) set.holders.look(at * SECOND);
    else set.hear(io("eof", { moved: 3, flags: IO_FLAG.wanted }));
    expect(set.stage.channels.size).toBe(0);
    expect(channel?.wanted).toBe(true);
  },
);

test.each(["closed", "read to its end"])(
  "Accounts tells what was read and neither heard nor counted as lost, when a channel is %s",
  (how) => {
    const set = setUp();
    set.hear(note(10, 10), data("abc", { moved: 10 }));
    set.take();
    if (how === "closed") {
      set.kernel.entries.set(PIPE, counts({ moved: 10, lost: 2, written: 10 }));
      for (const at of [94, 100]) set.holders.look(at * SECOND);
      // its record may be about to be: a byte is counted before there is room for it
      expect(set.take()).toEqual([]);
      set.holders.look(101 * SECOND);
    } else set.hear(io("eof", { moved: 10, lost: 2 }));
    expect(set.take()).toEqual([
      ["pipe:4711", "ring_full", 7],
      ["pipe:4711", "end", 0],
    ]);
  },
);

test("Accounts waits with a channel as long as more and more of it is counted before its records come", () => {
  const set = setUp();
  set.hear(data("abc", { moved: 3 }));
  set.take();
  set.holders.look(90 * SECOND);
  for (const [at, moved] of [5, 7, 9].entries()) {
    set.kernel.entries.set(PIPE, counts({ moved }));
    set.holders.look((100 + at) * SECOND);
    expect(set.take()).toEqual([]);
  }
  set.holders.look(110 * SECOND);
  expect(set.take()).toEqual([
    ["pipe:4711", "ring_full", 6],
    ["pipe:4711", "end", 0],
  ]);
});
