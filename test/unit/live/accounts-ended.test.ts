/** Addresses of channels come again, and some channels are never heard: what is said of them, and when they are forgotten. */
import { expect, test } from "bun:test";
import { data, io, note, PIPE, pidOf, READER, WRITER } from "../stream/events.ts";
import { exit, SECOND, setUp } from "./accounts-setup.ts";
import { counts, holder } from "./fake-kernel.ts";

test("Accounts ends a channel at whose address another one is held", () => {
  const set = setUp();
  set.hear(data("abc", { timeNs: SECOND }), exit(READER, SECOND));
  set.kernel.gone.push([PIPE, counts({ moved: 5, lost: 2, written: 9 })]);
  set.kernel.entries.set(PIPE, counts({ generation: 4712, moved: 50, lost: 50 }));
  set.kernel.holders = [holder({ generation: 4712 })];
  set.holders.look(SECOND);
  expect(set.take()).toEqual([
    ["pipe:4711", 0, "abc"],
    ["process-end", READER],
    ["pipe:4711", "ring_full", 2],
    ["pipe:4711", "end", 4],
  ]);
  expect(set.kernel.entries.size).toBe(1);
  expect(set.kernel.gone).toEqual([]);
});

test("Accounts has the last word on a channel when another one speaks from its address", () => {
  const set = setUp();
  set.hear(data("abc"));
  const reader = { readerPid: READER, readerStartNs: READER * 1_000 };
  set.kernel.gone.push([PIPE, counts({ moved: 10, lost: 5, written: 12, ...reader })]);
  set.kernel.entries.set(PIPE, counts({ generation: 4712, moved: 3 }));
  set.hear(data("new", { generation: 4712 }));
  expect(set.take()).toEqual([
    ["pipe:4711", 0, "abc"],
    // 5 found no room, and 2 were neither heard nor counted as that
    ["pipe:4711", "ring_full", 7],
    ["pipe:4711", "end", 2],
    ["pipe:4712", 0, "new"],
  ]);
  expect(set.kernel.gone).toEqual([]);
  expect(set.kernel.entries.size).toBe(1);
});

test("Accounts ends, without a last word, a channel of which nothing is counted any more", () => {
  const set = setUp();
  set.hear(data("abc", { lost: 7 }), note(1, 1, { generation: 4712 }));
  expect(set.take()).toEqual([
    ["pipe:4711", "ring_full", 7],
    ["pipe:4711", 7, "abc"],
    ["pipe:4711", "end", 0],
  ]);
});

test("Accounts ends, when idle, a channel that the kernel saw end and no record told of", () => {
  const set = setUp();
  set.hear(data("abc"));
  set.kernel.gone.push([PIPE, counts({ moved: 3, written: 4 })]);
  set.take();
  set.state.isQuiet = false;
  set.state.endedCount = 1;
  set.accounts.chores(SECOND);
  expect(set.take()).toEqual([]);
  set.state.isQuiet = true;
  set.accounts.chores(SECOND);
  expect(set.take()).toEqual([["pipe:4711", "end", 1]]);
  expect(set.kernel.gone).toEqual([]);
});

test("Accounts tells of ended channels that the ring had no room for, and forgets all of them", () => {
  const set = setUp();
  set.hear(data("abc", { generation: 4713 }));
  set.take();
  const ends = { readerPid: READER, readerStartNs: 1, writerPid: WRITER, writerStartNs: 2 };
  set.kernel.gone.push(
    [PIPE, counts({ generation: 4711, moved: 90, lost: 90, written: 95, kind: "fifo", ...ends })],
    [PIPE, counts({ generation: 4712, written: 5 })],
  );
  set.state.endedCount = 1;
  set.accounts.chores(SECOND);
  expect(set.take()).toEqual([
    ["fifo:4711", "ring_full", 90],
    ["fifo:4711", "end", 5],
  ]);
  expect(set.kernel.gone).toEqual([]);
  // the one that has the address now goes on
  set.hear(data("d", { generation: 4713 }));
  expect(set.take()).toEqual([["pipe:4713", 3, "d"]]);
});

test("Accounts names the ends of a channel that was never heard, and whether the filters wanted it", () => {
  const set = setUp();
  const ends = { readerPid: READER, readerStartNs: 1, writerPid: WRITER, writerStartNs: 2 };
  set.kernel.gone.push([PIPE, counts({ moved: 9, lost: 9, wanted: true, ...ends })]);
  set.state.endedCount = 1;
  set.accounts.chores(SECOND);
  const [gap] = set.items();
  const channel = gap?.kind === "gap" ? gap.channel : undefined;
  expect([pidOf(channel?.reader), pidOf(channel?.writer)]).toEqual([READER, WRITER]);
  expect(channel).toMatchObject({ wanted: true });
});

test("Accounts lets the kernel forget, every 10 s, entries of channels that are gone and were never heard", () => {
  const set = setUp();
  set.kernel.entries.set(PIPE, counts({ moved: 9, lost: 9, written: 9 }));
  set.kernel.entries.set(PIPE + 64, counts({ generation: 4712, written: 5 }));
  set.kernel.entries.set(PIPE + 128, counts({ generation: 4713, written: 5 }));
  set.kernel.holders = [holder({ channel: PIPE + 128, generation: 4713 })];
  set.state.isQuiet = false;
  set.holders.look(SECOND);
  expect(set.kernel.entries.size).toBe(3);
  set.state.isQuiet = true;
  set.holders.look(12 * SECOND);
  expect([...set.kernel.entries.keys()]).toEqual([PIPE + 128]);
  expect(set.take()).toEqual([
    ["pipe:4711", "ring_full", 9],
    ["pipe:4711", "end", 0],
  ]);
});

test("Accounts gives up, at the end, what of channels that nobody was told of was lost", () => {
  const set = setUp();
  set.kernel.gone.push([PIPE, counts({ moved: 9, lost: 9 })]);
  set.kernel.entries.set(PIPE, counts({ generation: 4712, moved: 8, lost: 8 }));
  set.kernel.entries.set(PIPE + 64, counts({ generation: 4713, written: 5 }));
  set.accounts.giveUp(SECOND);
  expect(set.take()).toEqual([
    ["pipe:4711", "ring_full", 9],
    ["pipe:4711", "end", 0],
    ["pipe:4712", "ring_full", 8],
    ["pipe:4712", "end", 0],
  ]);
});

test("Accounts keeps the lives of a named pipe apart that is opened again at once, with the same inode", () => {
  const set = setUp();
  set.kernel.entries.set(PIPE, counts({ moved: 2, written: 2 }));
  set.hear(data("abc"), io("eof", { moved: 3 }), data("de"));
  expect(set.take()).toEqual([
    ["pipe:4711", 0, "abc"],
    ["pipe:4711", "end", 0],
    ["pipe:4711-2", 0, "de"],
  ]);
  expect(set.kernel.entries.size).toBe(1);
});

test("Accounts tells of a channel that it does not know what was lost, when its reader saw the end", () => {
  const set = setUp();
  set.kernel.gone.push([PIPE, counts({ moved: 9, lost: 9 })]);
  set.hear(io("eof", { moved: 9, lost: 9 }));
  expect(set.take()).toEqual([
    ["pipe:4711", "ring_full", 9],
    ["pipe:4711", "end", 0],
  ]);
  expect(set.kernel.gone).toEqual([]);
});

test("Accounts tells once what a socket lost that was written to before anybody accepted it", () => {
  const set = setUp();
  const socket = { channelKind: "unix-stream" } as const;
  set.hear(note(5, 5, { ...socket, generation: 0 }));
  const lossy = counts({ generation: 80, moved: 9, lost: 9, written: 9, kind: "unix-stream" });
  set.kernel.entries.set(PIPE, lossy);
  expect(set.accounts.catchUp(SECOND)).toBe(true);
  expect(set.take()).toEqual([["unix:80", "ring_full", 9]]);
  set.kernel.entries.clear();
  set.kernel.gone.push([PIPE, lossy]);
  set.hear(io("eof", { ...socket, generation: 80, moved: 9, lost: 9 }));
  expect(set.take()).toEqual([["unix:80", "end", 0]]);
  expect(set.stage.channels.size).toBe(0);
});
