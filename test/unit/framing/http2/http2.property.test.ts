import { expect, test } from "bun:test";
import fc from "fast-check";
import { type FramingOptions, FramingStage } from "../../../../src/framing/framing-stage.ts";
import type { FramingItem } from "../../../../src/framing/types.ts";
import {
  bytesOf,
  CALL,
  ConnectionRun,
  ENDS,
  makeConnection,
  NOTE,
  RESULT,
  type Step,
} from "../http-script.ts";
import {
  ASK,
  answer,
  ask,
  block,
  CONTINUATION,
  DATA,
  data,
  END_HEADERS,
  END_STREAM,
  EVENTS,
  frame,
  HEADERS,
  HELLO,
  head,
  OK,
  PADDED,
  PING,
  PREFACE,
  PRIORITY,
  reset,
  SETTINGS,
  WELCOME,
  WINDOW_UPDATE,
} from "./frames.ts";

/** How one stream is sent: what of it is cut into frames where, and what stands around it. */
interface Shape {
  readonly isEvents: boolean;
  readonly hasLength: boolean;
  readonly isAdded: boolean;
  readonly isPadded: boolean;
  readonly hasTrailers: boolean;
  readonly isSplit: boolean;
  readonly cuts: readonly number[];
}

const shape: fc.Arbitrary<Shape> = fc.record({
  isEvents: fc.boolean(),
  hasLength: fc.boolean(),
  isAdded: fc.boolean(),
  isPadded: fc.boolean(),
  hasTrailers: fc.boolean(),
  isSplit: fc.boolean(),
  cuts: fc.array(fc.nat(60), { maxLength: 4 }),
});

function heads(stream: number, fields: Buffer, { isSplit, isPadded }: Shape): Buffer {
  if (!isSplit) return head(stream, fields);
  const start = isPadded ? [Buffer.of(2, 0, 0, 0, 0, 5), Buffer.alloc(2)] : [];
  const [before = Buffer.alloc(0), behind = before] = start;
  const flags = isPadded ? PADDED | PRIORITY : 0;
  return Buffer.concat([
    frame(HEADERS, flags, stream, Buffer.concat([before, fields.subarray(0, 11), behind])),
    frame(CONTINUATION, 0, stream, fields.subarray(11, 30)),
    frame(CONTINUATION, END_HEADERS, stream, fields.subarray(30)),
  ]);
}

/** Frames of DATA that carry `text`; the last one ends the stream unless trailers do. */
function bodies(stream: number, text: string, { cuts, isPadded, hasTrailers }: Shape): Buffer[] {
  const bytes = Buffer.from(text);
  const at = [0, ...cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b), bytes.length];
  const frames = at.slice(1).map((end, index) => {
    const isLast = index === at.length - 2 && !hasTrailers;
    const piece = bytes.subarray(at[index], end);
    if (!isPadded) return data(stream, piece, isLast);
    const flags = PADDED | (isLast ? END_STREAM : 0);
    return frame(DATA, flags, stream, Buffer.concat([Buffer.of(3), piece, Buffer.alloc(3, 0x78)]));
  });
  return hasTrailers ? [...frames, head(stream, [["x-checksum", "1"]], true)] : frames;
}

/** The frames of each side of one stream, in their order. */
function stream(id: number, how: Shape) {
  const length = how.hasLength ? ([["content-length", String(CALL.length)]] as const) : [];
  const text = how.isEvents ? `id: 1\ndata: ${NOTE}\n\n: x\ndata: ${RESULT}\n\n` : RESULT;
  const fields = how.isEvents ? EVENTS : OK;
  return {
    C: [heads(id, block([...ASK, ...length], how.isAdded), how), ...bodies(id, CALL, how)],
    S: [heads(id, block(fields, how.isAdded), how), ...bodies(id, text, how)],
  };
}

/** All requests, their frames in turn, and then all answers. Heads must come in the order of their numbers. */
function script(shapes: readonly Shape[]): Step[] {
  const streams = shapes.map((how, index) => stream(1 + 2 * index, how));
  const steps: Step[] = [
    ["C", HELLO],
    ["S", WELCOME],
  ];
  for (const side of ["C", "S"] as const) {
    const most = Math.max(...streams.map((each) => each[side].length));
    for (let turn = 0; turn < most; turn++) {
      for (const each of streams) {
        const next = each[side][turn];
        if (next !== undefined) steps.push([side, next]);
      }
      steps.push([side, turn % 2 === 0 ? PING : WINDOW_UPDATE]);
    }
  }
  return steps;
}

function listen(steps: readonly Step[], options: FramingOptions = {}): ConnectionRun {
  const made = new ConnectionRun(makeConnection(), new FramingStage(options));
  for (const step of [...steps, ...ENDS]) made.step(step);
  return made;
}

/** All that a run says, but for when. */
function told({ items }: ConnectionRun): unknown {
  return items.flatMap((item): unknown[] => {
    if (item.kind === "frame") {
      const { text, bytes, endPosition, flags, http } = item;
      const where = [http?.side, http?.mode, http?.eventId, http?.exchange.id];
      return [[text, bytes, endPosition, ...flags, ...where]];
    }
    if (item.kind !== "http-end") return [];
    const { request, response, id } = item.exchange;
    return [{ id, request, response, outcome: item.outcome, flags: item.flags }];
  });
}

function lostOf(items: readonly FramingItem[]): number {
  return items.reduce((sum, item) => sum + (item.kind === "loss" ? item.bytes : 0), 0);
}

function cutUp(steps: readonly Step[], sizes: readonly number[]): Step[] {
  let turn = 0;
  return steps.flatMap(([who, piece]) => {
    if (!Buffer.isBuffer(piece)) return [];
    const pieces: Step[] = [];
    for (let at = 0; at < piece.length; ) {
      const size = 1 + (sizes[turn++ % sizes.length] ?? 0);
      pieces.push([who, piece.subarray(at, at + size)]);
      at += size;
    }
    return pieces;
  });
}

/** Each direction's frames in a row are one read. */
function joinUp(steps: readonly Step[]): Step[] {
  const joined: [Step[0], Buffer][] = [];
  for (const [who, piece] of steps) {
    if (!Buffer.isBuffer(piece)) continue;
    const last = joined.at(-1);
    if (last?.[0] === who) last[1] = Buffer.concat([last[1], piece]);
    else joined.push([who, piece]);
  }
  return joined;
}

function expectAccounts(run: ConnectionRun, items: readonly FramingItem[]): void {
  expect(bytesOf(items, run.connection.request)).toBe(run.moved.C);
  expect(bytesOf(items, run.connection.response)).toBe(run.moved.S);
}

const shapes = fc.array(shape, { minLength: 1, maxLength: 6 });
const sizes = fc.array(fc.nat(80), { minLength: 1, maxLength: 10 });

test("FramingStage gives the same for any framing and any cutting of streams, and each message once [http2/cuts]", () => {
  fc.assert(
    fc.property(shapes, sizes, (all, pieces) => {
      const steps = script(all);
      const runs = [steps, joinUp(steps), cutUp(steps, pieces)].map((each) => listen(each));
      for (const run of runs) {
        expectAccounts(run, run.items);
        expect(lostOf(run.items)).toBe(0);
        expect(told(run)).toEqual(told(runs[0] ?? run));
      }
      const texts = runs[0]?.items.flatMap((item) =>
        item.kind === "frame" ? [[item.http?.exchange.id, item.text]] : [],
      );
      const wanted = all.flatMap(({ isEvents }, index) =>
        (isEvents ? [CALL, NOTE, RESULT] : [CALL, RESULT]).map((text) => [index + 1, text]),
      );
      expect(texts).toHaveLength(wanted.length);
      expect(texts).toEqual(expect.arrayContaining(wanted));
    }),
    { numRuns: 200 },
  );
});

const anyPart = fc.oneof(
  fc.constantFrom(PREFACE, SETTINGS, WINDOW_UPDATE, PING, HELLO, WELCOME),
  fc.nat(6).map((id) => ask(id, CALL)),
  fc.nat(6).map((id) => answer(id, RESULT)),
  fc.nat(6).map((id) => head(id, EVENTS)),
  fc.nat(6).map((id) => data(id, `data: ${NOTE}\n\n`)),
  fc.nat(6).map((id) => reset(id)),
  fc.nat(6).map((id) => frame(CONTINUATION, END_HEADERS, id, "\x88")),
  fc
    .tuple(fc.nat(11), fc.nat(255), fc.nat(5), fc.uint8Array({ maxLength: 40 }))
    .map(([type, flags, id, payload]) => frame(type, flags, id, payload)),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(
    Buffer.from(
      "GET /mcp HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nMcp-Method: x\r\n\r\n",
    ),
    Buffer.from("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"),
  ),
);
const anyPiece = fc.oneof(
  { arbitrary: anyPart, weight: 8 },
  {
    arbitrary: fc.tuple(anyPart, fc.nat(60)).map(([part, at]) => part.subarray(at % part.length)),
    weight: 2,
  },
  { arbitrary: fc.record({ lost: fc.nat(60) }), weight: 1 },
  { arbitrary: fc.record({ skipped: fc.nat(60) }), weight: 1 },
);
const anyStep = fc.tuple(fc.constantFrom("C" as const, "S" as const), anyPiece);

test("FramingStage accounts for every byte of any frames, with holes and bounded memory [http2/accounts]", () => {
  fc.assert(
    fc.property(
      fc.array(anyStep, { maxLength: 30 }),
      fc.boolean(),
      fc.boolean(),
      fc.constantFrom("tcp" as const, "tls" as const, "unix-stream" as const),
      (steps, late, joined, kind) => {
        const options = { maxLineBytes: 100, maxTotalBytes: 400 };
        const made = new ConnectionRun(
          makeConnection(kind, late, joined),
          new FramingStage(options),
        );
        for (const step of steps) made.step(step);
        expectAccounts(made, [...made.items, ...made.framing.end()]);
      },
    ),
    { numRuns: 800 },
  );
});

test("FramingStage hears the next call behind a hole anywhere in a connection [http2/resync]", () => {
  fc.assert(
    fc.property(
      shapes,
      fc.nat(3000),
      fc.nat(300),
      fc.constantFrom("C" as const, "S" as const),
      (all, from, length, who) => {
        const before = joinUp(script(all));
        const steps = before.flatMap(([side, sent]): Step[] => {
          if (side !== who || !Buffer.isBuffer(sent) || sent.length < HELLO.length * 2) {
            return [[side, sent]];
          }
          const at = from % sent.length;
          const lost = Math.min(1 + length, sent.length - at);
          const rest: Step[] = at + lost < sent.length ? [[side, sent.subarray(at + lost)]] : [];
          return [
            ...(at > 0 ? [[side, sent.subarray(0, at)] as const] : []),
            [side, { lost }],
            ...rest,
          ];
        });
        const made = new ConnectionRun(makeConnection(), new FramingStage());
        for (const step of steps) made.step(step);
        const next = [
          ...made.step(["C", ask(101, CALL)]),
          ...made.step(["S", answer(101, RESULT)]),
        ];
        const texts = next.flatMap((item) => (item.kind === "frame" ? [item.text] : []));
        expect(texts).toContain(CALL);
        expect(texts).toContain(RESULT);
        expectAccounts(made, [...made.items, ...made.framing.end()]);
      },
    ),
    { numRuns: 300 },
  );
});
