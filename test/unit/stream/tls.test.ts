import { expect, test } from "bun:test";
import type { Process } from "../../../src/capture/types.ts";
import { type StreamSources, StreamStage } from "../../../src/stream/stream-stage.ts";
import type { StreamItem } from "../../../src/stream/types.ts";
import { brief, data, io, note, pidOf, processes } from "./events.ts";
import {
  CLIENT,
  CLIENT_END,
  FAR_END,
  place,
  reads,
  SERVER,
  SERVER_END,
  type Side,
  socketOf,
  tick,
  tls,
  writes,
} from "./tls-sides.ts";

/** Connection of two processes that are both listened to. */
function joined(sources: StreamSources = {}): StreamStage {
  const stage = new StreamStage(processes(), sources);
  stage.push(tls(CLIENT, socketOf(CLIENT)));
  stage.push(tls(SERVER, socketOf(SERVER)));
  return stage;
}

function ends(items: readonly unknown[]): unknown[] {
  return (items as StreamItem[]).flatMap((item) =>
    item.kind === "chunk" ? [[pidOf(item.sender), pidOf(item.reader)]] : [],
  );
}

test("StreamStage tells once, as it is read, what passes between two processes", () => {
  const stage = joined();
  expect(stage.push(writes(CLIENT, "ask"))).toEqual([]);
  expect(brief(stage.push(reads(SERVER, "ask")))).toEqual([["tls:8", 0, "ask"]]);
  expect(stage.push(writes(SERVER, "answer"))).toEqual([]);
  expect(brief(stage.push(reads(CLIENT, "answer")))).toEqual([["tls:7-2", 0, "answer"]]);
});

test("StreamStage knows who wrote, when, and both directions of what is told", () => {
  const stage = joined();
  stage.push(reads(SERVER, "ask"));
  stage.push(writes(CLIENT, "ask"));
  stage.push(reads(CLIENT, "answer"));
  const up = stage.channels.get(SERVER.reads);
  const down = stage.channels.get(CLIENT.reads);
  expect([pidOf(up?.writer), pidOf(up?.reader), up?.from, up?.to]).toEqual([
    CLIENT.pid,
    SERVER.pid,
    CLIENT_END,
    SERVER_END,
  ]);
  expect([up?.reverse, down?.reverse]).toEqual([down, up]);
});

test("StreamStage places the note of a write in what is read", () => {
  const stage = joined();
  stage.push(reads(SERVER, "ask"));
  stage.push(writes(CLIENT, "ask", 3, 800));
  stage.push(note(5, 8, { ...place(CLIENT, 1), timeNs: 810, flags: 8 }));
  stage.push(reads(SERVER, "again", 8));
  const up = stage.channels.get(SERVER.reads);
  expect([up?.noteAt(2)?.timeNs, up?.noteAt(7)?.timeNs]).toEqual([800, 810]);
});

test("StreamStage asks the kernel for notes only, once it tells a direction where it is read", () => {
  const told: unknown[] = [];
  const stage = joined({ quiet: (channel, isQuiet) => told.push([channel.address, isQuiet]) });
  stage.push(reads(SERVER, "ask"));
  stage.push(writes(CLIENT, "ask"));
  stage.push(writes(CLIENT, "more", 7));
  expect(told).toEqual([[CLIENT.reads + 1, true]]);
  stage.push(tls(SERVER, undefined));
  expect(told).toEqual([
    [CLIENT.reads + 1, true],
    [CLIENT.reads + 1, false],
  ]);
});

test("StreamStage holds what was written until it is read, and drops it then", () => {
  const stage = new StreamStage(processes());
  stage.push(tls(CLIENT));
  expect(stage.push(writes(CLIENT, "ask"))).toEqual([]);
  expect(stage.push(tls(CLIENT, socketOf(CLIENT)))).toEqual([]);
  expect(stage.push(tls(SERVER, socketOf(SERVER)))).toEqual([]);
  expect(stage.isHolding).toBe(true);
  expect(brief(stage.push(reads(SERVER, "as", 2)))).toEqual([["tls:8", 0, "as"]]);
  expect(stage.isHolding).toBe(false);
  expect(brief(stage.push(reads(SERVER, "k", 3)))).toEqual([["tls:8", 2, "k"]]);
});

test("StreamStage tells what was written when an answer comes and nobody was heard to read", () => {
  const owner = processes().at(30, 1, "nginx");
  const asked: unknown[] = [];
  const ownerOf = (socket: number, inode: number): Process => {
    asked.push([socket, inode]);
    return owner;
  };
  const stage = new StreamStage(processes(), { ownerOf });
  stage.push(tls(CLIENT, socketOf(CLIENT)));
  expect(stage.push(writes(CLIENT, "ask"))).toEqual([]);
  const out = stage.push(reads(CLIENT, "answer", 6, 950));
  expect(brief(out)).toEqual([
    ["tls:7", 0, "ask"],
    ["tls:7-2", 0, "answer"],
  ]);
  expect(ends(out)).toEqual([
    [CLIENT.pid, 30],
    [undefined, CLIENT.pid],
  ]);
  expect(asked).toEqual([[SERVER.socket, 8]]);
  expect(pidOf(stage.channels.get(CLIENT.reads)?.writer)).toBe(30);
});

test("StreamStage names the other end that the kernel knows, though it is gone by now", () => {
  const ownerOf = () => {
    throw new Error("nobody has the socket any more");
  };
  const stage = new StreamStage(processes(), { ownerOf });
  stage.push(tls(CLIENT, socketOf(CLIENT, { peerOwner: { pid: 30, startNs: 1 } })));
  stage.push(writes(CLIENT, "ask"));
  expect(ends(stage.push(reads(CLIENT, "answer", 6, 950)))[0]).toEqual([CLIENT.pid, 30]);
});

test("StreamStage names the other end that is not followed, and is heard to have the socket", () => {
  const stage = new StreamStage(processes());
  stage.push(tls(CLIENT, socketOf(CLIENT)));
  stage.push(writes(CLIENT, "ask"));
  expect(stage.push({ ...tls(SERVER, socketOf(SERVER)), isHeard: false })).toEqual([]);
  const out = stage.push(reads(CLIENT, "answer", 6, 950));
  expect(ends(out)).toEqual([
    [CLIENT.pid, SERVER.pid],
    [undefined, CLIENT.pid],
  ]);
});

test("StreamStage tells what was written after half a second, with an unknown end where no socket is known", () => {
  const stage = new StreamStage(processes());
  stage.push(tls(CLIENT));
  stage.push(writes(CLIENT, "ask", 3, 1000));
  expect(brief(stage.push(tick(500_000_999)))).toEqual([["tick", 500_000_999]]);
  const [chunk] = stage.push(tick(500_001_000));
  expect(chunk).toMatchObject({ sender: { pid: CLIENT.pid }, reader: { address: "?" } });
  // nothing waits a second time
  expect(brief(stage.push(writes(CLIENT, "more", 7)))).toEqual([["tls:0", 3, "more"]]);
});

test("StreamStage tells at once what goes to another host and what comes from there", () => {
  const stage = new StreamStage(processes());
  const socket = socketOf(CLIENT, { peer: undefined, isLocal: false, peerEnd: FAR_END });
  stage.push(tls(CLIENT, socket));
  expect(stage.push(writes(CLIENT, "ask"))).toMatchObject([
    { sender: { pid: CLIENT.pid }, reader: { address: "10.0.0.5" } },
  ]);
  expect(stage.push(reads(CLIENT, "answer"))).toMatchObject([
    { sender: { address: "10.0.0.5" }, reader: { pid: CLIENT.pid } },
  ]);
  expect(stage.channels.get(CLIENT.reads)?.reverse?.id).toBe("tls:7");
});

test("StreamStage drops what is read of a direction that it has told as it was written", () => {
  const stage = new StreamStage(processes());
  stage.push(tls(CLIENT, socketOf(CLIENT)));
  stage.push(writes(CLIENT, "ask", 3, 1000));
  expect(brief(stage.push(tick(500_000_999)))).toEqual([["tick", 500_000_999]]);
  expect(brief(stage.push(tick(500_001_000)))).toEqual([
    ["tls:7", 0, "ask"],
    ["tick", 500_001_000],
  ]);
  stage.push(tls(SERVER, socketOf(SERVER)));
  expect(stage.push(reads(SERVER, "ask"))).toEqual([]);
  // the other direction is told as usual
  expect(stage.push(writes(SERVER, "answer"))).toEqual([]);
  expect(brief(stage.push(reads(CLIENT, "answer")))).toEqual([["tls:7-2", 0, "answer"]]);
});

test("StreamStage tells what was written, when the reader is listened to since later", () => {
  const stage = new StreamStage(processes());
  stage.push(tls(SERVER, socketOf(SERVER)));
  stage.push(reads(SERVER, "ask 1"));
  expect(stage.push(writes(SERVER, "answer 1"))).toEqual([]);
  // the client has read it by then
  stage.push(tls(CLIENT, socketOf(CLIENT)));
  expect(stage.push(writes(CLIENT, "ask 2"))).toEqual([]);
  const out = stage.push(reads(SERVER, "ask 2", 10));
  expect(brief(out)).toEqual([
    ["tls:8-2", 0, "answer 1"],
    ["tls:8", 5, "ask 2"],
  ]);
  expect(ends(out)[0]).toEqual([SERVER.pid, CLIENT.pid]);
  expect(brief(stage.push(writes(SERVER, "answer 2", 16)))).toEqual([["tls:8-2", 8, "answer 2"]]);
  expect(stage.push(reads(CLIENT, "answer 2"))).toEqual([]);
});

test("StreamStage tells what was written, when the reader begins with other bytes", () => {
  const stage = joined();
  stage.push(reads(SERVER, "ask"));
  stage.push(writes(SERVER, "answer 1"));
  expect(brief(stage.push(reads(CLIENT, "answer 2")))).toEqual([["tls:8-2", 0, "answer 1"]]);
});

test("StreamStage tells what is read, when it is the writer who is listened to since later", () => {
  const stage = joined();
  stage.push({ ...writes(CLIENT, "sk 2"), flags: 8 + 32 });
  expect(brief(stage.push(reads(SERVER, "ask 1, ask 2")))).toEqual([["tls:8", 0, "ask 1, ask 2"]]);
  expect(stage.push(writes(CLIENT, "ask 3", 9))).toEqual([]);
  expect(brief(stage.push(reads(SERVER, "ask 3", 17)))).toEqual([["tls:8", 12, "ask 3"]]);
});

test("StreamStage places no notes of a writer that is listened to since later", () => {
  const stage = new StreamStage(processes());
  stage.push(tls(SERVER, socketOf(SERVER)));
  stage.push(reads(SERVER, "ask 1"));
  stage.push(tls(CLIENT, socketOf(CLIENT)));
  expect(stage.push(writes(CLIENT, "2"))).toEqual([]);
  stage.push(reads(SERVER, "2", 6));
  const up = stage.channels.get(SERVER.reads);
  expect([up?.unplaced, up?.noteAt(5), pidOf(up?.writer)]).toEqual([true, undefined, CLIENT.pid]);
});

test("StreamStage says what was lost of what is told, and nothing of what is not", () => {
  const stage = joined();
  stage.push(writes(CLIENT, "ask"));
  expect(stage.push({ ...writes(CLIENT, "x", 20), lost: 16 })).toEqual([]);
  stage.push(reads(SERVER, "ask"));
  expect(brief(stage.push({ ...reads(SERVER, "x", 20), lost: 16 }))).toEqual([
    ["tls:8", "ring_full", 16],
    ["tls:8", 19, "x"],
  ]);
});

const closed = (side: Side, by: number, timeNs: number) =>
  ({
    kind: "closed",
    channel: side.reads + by,
    generation: 9,
    lost: 0,
    unreadBytes: 0,
    missedBytes: 0,
    timeNs,
  }) as const;

test("StreamStage tells what waits before the end of its channel", () => {
  const stage = new StreamStage(processes());
  stage.push(tls(CLIENT, socketOf(CLIENT)));
  stage.push(writes(CLIENT, "ask"));
  // somebody of this host may be about to read it
  expect(stage.push(closed(CLIENT, 1, 2000))).toEqual([]);
  expect(stage.isHolding).toBe(true);
  expect(brief(stage.push(tick(500_002_000)))).toEqual([
    ["tls:7", 0, "ask"],
    ["tls:7", "end", 0],
    ["tick", 500_002_000],
  ]);
  expect(stage.isHolding).toBe(false);
});

test("StreamStage tells at once what waits before the end of a channel whose socket is not known", () => {
  const stage = new StreamStage(processes());
  stage.push(tls(CLIENT));
  stage.push(writes(CLIENT, "ask"));
  expect(brief(stage.push(closed(CLIENT, 1, 2000)))).toEqual([
    ["tls:0", 0, "ask"],
    ["tls:0", "end", 0],
  ]);
});

test("StreamStage ends a direction when both ends are over, not before its last bytes are read", () => {
  const stage = joined();
  stage.push(writes(CLIENT, "ask"));
  stage.push(reads(SERVER, "ask"));
  stage.push(writes(SERVER, "answer"));
  const up = stage.channels.get(SERVER.reads);
  // the server is done with the connection before the client has read
  expect(stage.push(closed(SERVER, 0, 2000))).toEqual([]);
  expect(stage.push(closed(SERVER, 1, 2000))).toEqual([]);
  const [answer] = stage.push(reads(CLIENT, "answer", 6, 2100));
  expect(answer).toMatchObject({
    channel: { writer: { pid: SERVER.pid }, reverse: up },
  });
  expect(stage.push(closed(CLIENT, 0, 2200))).toEqual([]);
  expect(brief(stage.push(closed(CLIENT, 1, 2200)))).toEqual([
    ["tls:8", "end", 0],
    ["tls:7-2", "end", 0],
  ]);
});

test("StreamStage ends a direction half a second after one end, if the other one stays", () => {
  const stage = joined();
  stage.push(writes(CLIENT, "ask"));
  stage.push(reads(SERVER, "ask"));
  expect(stage.push(closed(SERVER, 0, 2000))).toEqual([]);
  expect(brief(stage.push(tick(500_002_000)))[0]).toEqual(["tls:8", "end", 0]);
});

test("StreamStage joins an end that shows when the other one is over already", () => {
  const stage = new StreamStage(processes());
  stage.push(tls(SERVER, socketOf(SERVER)));
  const [ask] = stage.push(reads(SERVER, "ask"));
  stage.push(writes(SERVER, "answer"));
  stage.push(closed(SERVER, 0, 1200));
  stage.push(closed(SERVER, 1, 1200));
  // its thread was not run while the server answered; the server's socket has no inode any more
  stage.push(tls(CLIENT, socketOf(CLIENT, { peerInode: 0 })));
  expect(stage.push(writes(CLIENT, "ask"))).toEqual([]);
  expect(ask).toMatchObject({ channel: { writer: { pid: CLIENT.pid } } });
  expect(brief(stage.push(reads(CLIENT, "answer")))).toEqual([["tls:7-2", 0, "answer"]]);
});

test("StreamStage tells in the end what still waits", () => {
  const stage = new StreamStage(processes());
  stage.push(tls(CLIENT, socketOf(CLIENT)));
  stage.push(writes(CLIENT, "ask"));
  expect(brief(stage.end())).toEqual([["tls:7", 0, "ask"]]);
});

test("StreamStage joins a new socket to none that is over, whose address it has", () => {
  const stage = joined();
  stage.push(reads(SERVER, "ask"));
  stage.push(closed(SERVER, 0, 2000));
  const again = { ...tls(CLIENT, socketOf(CLIENT, { inode: 17, peerInode: 18 })), generation: 10 };
  stage.push(again);
  expect(stage.push({ ...writes(CLIENT, "new"), generation: 10 })).toEqual([]);
  // held: nobody is known to read it
  expect(brief(stage.push(tick(501_000_000)))).toContainEqual(["tls:17", 0, "new"]);
});

test("StreamStage takes another connection at the same address for another one", () => {
  const stage = joined();
  stage.push(reads(SERVER, "ask"));
  stage.push({ ...tls(SERVER), generation: 10 });
  const out = stage.push({ ...reads(SERVER, "new"), generation: 10 });
  expect(brief(out)).toEqual([["tls:8", "end", 0]]);
  expect(brief(stage.push(tick(600_000_000)))[0]).toEqual(["tls:0", 0, "new"]);
});

test("StreamStage lets other channels be when it hears TLS", () => {
  const stage = joined();
  expect(brief(stage.push(data("line\n", { moved: 5 })))).toEqual([["pipe:4711", 0, "line\n"]]);
  expect(stage.push(io("eof"))).toEqual([]);
});
