import { expect, test } from "bun:test";
import type { SocketEvent } from "../../../src/capture/types.ts";
import { StreamStage } from "../../../src/stream/stream-stage.ts";
import { brief, data, note, pidOf, processes, READER, WRITER } from "./events.ts";

const REQUESTS = 0x1000;
const ANSWERS = 0x2000;
const tcp = { channelKind: "tcp" } as const;
const up = { ...tcp, channel: REQUESTS, generation: 7 };
const down = { ...tcp, channel: ANSWERS, generation: 8 };

function socket(fields: Partial<SocketEvent> = {}): SocketEvent {
  return {
    kind: "socket",
    timeNs: 500,
    channel: REQUESTS,
    generation: 7,
    reverse: ANSWERS,
    reverseGeneration: 8,
    from: { address: "127.0.0.1", port: 50_000 },
    to: { address: "127.0.0.1", port: 3001 },
    late: false,
    ...fields,
  };
}

test("StreamStage knows both ends and both directions of a connection of this host", () => {
  const stage = new StreamStage(processes());
  stage.push(socket());
  stage.push(note(3, 3, { ...up, peer: ANSWERS, timeNs: 900 }));
  const [chunk] = stage.push(data("abc", { ...up, peer: ANSWERS, flags: 16 }));
  stage.push(socket({ channel: ANSWERS, generation: 8, reverse: REQUESTS, reverseGeneration: 7 }));
  const channel = stage.channels.get(REQUESTS);
  expect(chunk).toMatchObject({ kind: "chunk", sender: undefined });
  expect([pidOf(channel?.writer), pidOf(channel?.reader)]).toEqual([WRITER, READER]);
  expect(channel?.to).toEqual({ address: "127.0.0.1", port: 3001 });
  expect(channel?.reverse).toBe(stage.channels.get(ANSWERS));
  expect(stage.channels.get(ANSWERS)?.reverse).toBe(channel);
  expect(channel?.noteAt(2)?.timeNs).toBe(900);
});

test("StreamStage takes a note from before its end was accepted for the channel that has been read meanwhile", () => {
  const stage = new StreamStage(processes());
  stage.push(socket());
  stage.push(data("abc", { ...up, moved: 3, peer: ANSWERS, flags: 16 }));
  stage.push(note(3, 3, { ...up, generation: 0, peer: ANSWERS, timeNs: 900 }));
  expect(brief(stage.push(data("def", { ...up, moved: 6, peer: ANSWERS, flags: 16 })))).toEqual([
    ["tcp:7", 3, "def"],
  ]);
  expect(stage.channels.get(REQUESTS)?.noteAt(2)?.timeNs).toBe(900);
});

test("StreamStage takes a record of ends from before the acceptance for the channel that has been read meanwhile", () => {
  const stage = new StreamStage(processes());
  stage.push(data("abc", { ...up, moved: 3, peer: ANSWERS, flags: 16 }));
  stage.push(socket({ generation: 0 }));
  expect(brief(stage.push(data("def", { ...up, moved: 6, peer: ANSWERS, flags: 16 })))).toEqual([
    ["tcp:7", 3, "def"],
  ]);
  expect(stage.channels.get(REQUESTS)?.to).toEqual({ address: "127.0.0.1", port: 3001 });
  stage.push(socket({ generation: 9 }));
  expect(stage.channels.get(REQUESTS)?.id).toBe("tcp:9");
});

test("StreamStage names another host as the writer of what is read from it", () => {
  const stage = new StreamStage(processes());
  stage.push(socket({ from: { address: "10.0.0.5", port: 1 } }));
  const [chunk] = stage.push(data("abc", up));
  expect(chunk).toMatchObject({ sender: { address: "10.0.0.5" }, reader: { pid: READER } });
});

test("StreamStage takes what is copied as it is written from the process that writes, to the host", () => {
  const stage = new StreamStage(processes());
  stage.push(socket({ to: { address: "10.0.0.5", port: 443 } }));
  const [chunk] = stage.push(data("abc", { ...up, flags: 8, pid: WRITER }));
  expect(chunk).toMatchObject({ sender: { pid: WRITER }, reader: { address: "10.0.0.5" } });
});

test("StreamStage says what the kernel left out in its place, and gives each host one object", () => {
  const stage = new StreamStage(processes());
  stage.push(socket({ from: { address: "10.0.0.5", port: 1 } }));
  expect(brief(stage.push(data("abc", up)))).toEqual([["tcp:7", 0, "abc"]]);
  expect(brief(stage.push(data("def", { ...up, skipped: 100, lost: 4 })))).toEqual([
    ["tcp:7", "skipped", 100],
    ["tcp:7", "ring_full", 4],
    ["tcp:7", 107, "def"],
  ]);
  const writer = stage.channels.get(REQUESTS)?.writer;
  stage.push(socket({ channel: ANSWERS, generation: 8, from: { address: "10.0.0.5", port: 2 } }));
  stage.push(data("x", down));
  expect(stage.channels.get(ANSWERS)?.writer).toBe(writer);
});

test("StreamStage gives no times to writes of a connection that was open before", () => {
  const stage = new StreamStage(processes());
  stage.push(socket({ late: true }));
  stage.push(note(3, 3, { ...up, peer: ANSWERS }));
  const channel = stage.channels.get(REQUESTS);
  expect([channel?.late, channel?.unplaced, channel?.noteAt(1)]).toEqual([true, true, undefined]);
  expect(pidOf(channel?.writer)).toBe(WRITER);
});

test("StreamStage ends the connection that had the address when another one has it", () => {
  const stage = new StreamStage(processes());
  stage.push(socket());
  stage.push(data("abc", up));
  expect(brief(stage.push(socket({ generation: 9 })))).toEqual([["tcp:7", "end", 0]]);
  expect(brief(stage.push(data("x", { ...up, generation: 9 })))).toEqual([["tcp:9", 0, "x"]]);
});
