import { expect, test } from "bun:test";
import fc from "fast-check";
import { FramingStage } from "../../../../src/framing/framing-stage.ts";
import type { FramingItem } from "../../../../src/framing/types.ts";
import { ConnectionRun, makeConnection, type Step } from "../http-script.ts";

const ASK = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}\n';
const ANSWER = '{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}\n';
const ATTACH =
  "POST /v1.47/containers/4f5e/attach?stderr=1&stdin=1&stdout=1&stream=1 HTTP/1.1\r\nHost: api.moby.localhost\r\nConnection: Upgrade\r\nContent-Length: 0\r\nUpgrade: tcp\r\n\r\n";
const ATTACHED =
  "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";

/** A piece of output, of errors, … as the daemon sends it. */
function piece(text: string, stream = 1): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

function run(steps: readonly Step[], late = false): [ConnectionRun, unknown[]] {
  const each = new ConnectionRun(makeConnection("unix-stream", late), new FramingStage());
  for (const step of steps) each.step(step);
  each.step(["C", "end"]);
  each.step(["S", "end"]);
  return [each, brief(each.items)];
}

/** Frames and losses; sums of noise, last. */
function brief(items: readonly FramingItem[]): unknown[] {
  const noise = { http: 0, text: 0, skipped: 0 };
  const found = items.flatMap((item) => {
    if (item.kind === "frame") return [[item.channel.id, item.text, item.bytes, item.endPosition]];
    if (item.kind === "loss") return [[item.reason, item.bytes]];
    if (item.kind === "noise") noise[item.of] += item.bytes;
    return [];
  });
  return [...found, noise];
}

const heads = ATTACH.length + ATTACHED.length;

test("FramingStage hears both directions of a container that is attached to [stdio/relays]", () => {
  const [, items] = run([
    ["C", ATTACH],
    ["S", ATTACHED],
    ["C", ASK],
    ["S", piece("starting\n", 2)],
    ["S", piece(ANSWER.slice(0, 20))],
    ["S", Buffer.concat([piece("log", 2), piece(ANSWER.slice(20) + ANSWER)])],
  ]);
  expect(items).toEqual([
    ["tcp:1>", ASK.trimEnd(), ASK.length, ATTACH.length + ASK.length],
    ["tcp:1<", ANSWER.trimEnd(), ANSWER.length, ATTACHED.length + 44 + ANSWER.length],
    ["tcp:1<", ANSWER.trimEnd(), ANSWER.length, ATTACHED.length + 44 + 2 * ANSWER.length],
    { http: heads + 32, text: 12, skipped: 0 },
  ]);
});

test("FramingStage hears a container with a terminal, which has no headers", () => {
  const [, items] = run([
    ["C", ATTACH],
    ["S", ATTACHED + ANSWER],
  ]);
  expect(items).toEqual([
    ["tcp:1<", ANSWER.trimEnd(), ANSWER.length, ATTACHED.length + ANSWER.length],
    { http: heads, text: 0, skipped: 0 },
  ]);
});

test("FramingStage hears a container that was attached to before", () => {
  const [, items] = run(
    [
      ["S", piece(ANSWER)],
      ["C", ASK],
    ],
    true,
  );
  expect(items).toEqual([
    ["tcp:1<", ANSWER.trimEnd(), ANSWER.length, 8 + ANSWER.length],
    ["tcp:1>", ASK.trimEnd(), ASK.length, ASK.length],
    { http: 8, text: 0, skipped: 0 },
  ]);
});

test.each([
  ["in a header", 4],
  ["in a piece", 20],
  ["of a piece", 8 + ANSWER.length],
  ["of more than a piece", 70],
])("FramingStage finds the next output behind a gap %s", (_name, lost) => {
  const stream = Buffer.concat([piece(ANSWER), piece(ANSWER), piece(ANSWER), piece(ANSWER)]);
  const [each, items] = run([
    ["C", ATTACH],
    ["S", ATTACHED],
    ["S", stream.subarray(0, 2)],
    ["S", { lost }],
    ["S", stream.subarray(2 + lost)],
  ]);
  const end = ATTACHED.length + stream.length;
  expect(items.at(-2)).toEqual(["tcp:1<", ANSWER.trimEnd(), ANSWER.length, end]);
  expect(sumOf(each.items)).toBe(each.moved.C + each.moved.S);
});

test("FramingStage gives the same of a container's output for any cutting, and accounts for each byte", () => {
  const part = fc.oneof(
    fc.constantFrom(ASK, ANSWER, "log\n", '{"jsonrpc":', "\n").map((text) => piece(text)),
    fc.string({ maxLength: 8 }).map((text) => piece(text, 2)),
    fc.uint8Array({ maxLength: 9 }).map((bytes) => Buffer.from(bytes)),
    fc.constant(piece("")),
  );
  const places = fc.array(fc.nat(), { maxLength: 12 });
  fc.assert(
    fc.property(fc.array(part, { maxLength: 10 }), places, (parts, at) => {
      const bytes = Buffer.concat([piece(ASK), ...parts]);
      const cuts = [...new Set(at.map((place) => place % bytes.length))].sort((a, b) => a - b);
      const pieces = [0, ...cuts].map((from, n) => bytes.subarray(from, cuts[n] ?? bytes.length));
      const start: Step[] = [
        ["C", ATTACH],
        ["S", ATTACHED],
      ];
      const [whole] = run([...start, ["S", bytes]]);
      const [cut] = run([...start, ...pieces.map((each): Step => ["S", each])]);
      const framesOf = (each: ConnectionRun) => each.items.filter(({ kind }) => kind === "frame");
      expect(sumOf(cut.items)).toBe(cut.moved.C + cut.moved.S);
      const isSound = parts.every((each) => each.length >= 8 && (each[0] ?? 9) <= 2);
      if (isSound) expect(texts(framesOf(cut))).toEqual(texts(framesOf(whole)));
    }),
  );
});

function texts(items: readonly FramingItem[]): unknown[] {
  return items.map((item) => (item.kind === "frame" ? [item.text, item.bytes] : item));
}

function sumOf(items: readonly FramingItem[]): number {
  let sum = 0;
  for (const item of items) {
    if (item.kind === "frame" || item.kind === "loss" || item.kind === "noise") sum += item.bytes;
  }
  return sum;
}
