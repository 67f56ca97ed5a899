import { expect, test } from "bun:test";
import fc from "fast-check";
import { FramingStage } from "../../../src/framing/framing-stage.ts";
import type { FramingItem } from "../../../src/framing/types.ts";
import { channelEnd, chunk, gap, makeChannel, makeProcess } from "./items.ts";

const reader = makeProcess(7);

/** Text like that of a stdio channel, good and bad, and bytes of any kind. */
const anyPart = fc.oneof(
  fc.json().map((json) => Buffer.from(`${json}\n`)),
  fc.json().map((json) => Buffer.from(`{"p":${json}}\r\n`)),
  fc
    .constantFrom(
      "log line\n",
      "\n",
      "  {\n",
      "\ufeff{}\n",
      "}",
      "[",
      '"',
      "\\",
      " ",
      "{}",
      "{",
      "{\n",
    )
    .map((text) => Buffer.from(text)),
  fc.jsonValue().map((value) => Buffer.from(`${JSON.stringify({ value }, null, 1)}\n`)),
  fc
    .tuple(
      fc.jsonValue(),
      fc.constantFrom(0, 0, 0, -2, 2),
      fc.constantFrom("\r\n\r\n", "\n\n", "\r\n"),
    )
    .map(([value, wrong, end]) => {
      const text = Buffer.from(JSON.stringify([value]));
      return Buffer.concat([Buffer.from(`Content-Length: ${text.length + wrong}${end}`), text]);
    }),
  fc.string({ unit: "grapheme" }).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
);
const anyBytes = fc.array(anyPart, { maxLength: 12 }).map((parts) => Buffer.concat(parts));

/** Cuts `bytes` at the given places (taken modulo its length). */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, n) => bytes.subarray(from, at[n] ?? bytes.length));
}

function run(pieces: readonly (Buffer | number)[], unread: number, late: boolean): FramingItem[] {
  const framing = new FramingStage({ maxLineBytes: 64, maxTotalBytes: 1024 });
  const channel = makeChannel("pipe:1", late);
  const out: FramingItem[] = [];
  let position = 0;
  for (const piece of pieces) {
    if (typeof piece === "number") {
      out.push(...framing.push(gap(channel, piece, "fault")));
      position += piece;
    } else {
      out.push(...framing.push(chunk(channel, piece, position, reader)));
      position += piece.length;
    }
  }
  return [...out, ...framing.push(channelEnd(channel, unread)), ...framing.end()];
}

function sumBytes(items: readonly FramingItem[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const item of items) {
    if (item.kind !== "frame" && item.kind !== "loss" && item.kind !== "noise") continue;
    const name = item.kind === "loss" ? item.reason : item.kind;
    sums[name] = (sums[name] ?? 0) + item.bytes;
  }
  return sums;
}

function framesOf(items: readonly FramingItem[]): unknown[] {
  return items.flatMap((item) =>
    item.kind === "frame" ? [[item.text, item.bytes, item.endPosition, item.flags]] : [],
  );
}

test("FramingStage gives the same for any cutting of the bytes [stdio/lines]", () => {
  const places = fc.array(fc.nat(), { maxLength: 30 });
  fc.assert(
    fc.property(anyBytes, places, fc.boolean(), (bytes, at, late) => {
      const whole = run([bytes], 0, late);
      const pieces = run(cut(bytes, at), 0, late);
      expect(framesOf(pieces)).toEqual(framesOf(whole));
      expect(sumBytes(pieces)).toEqual(sumBytes(whole));
    }),
    { numRuns: 500 },
  );
});

test("FramingStage accounts for every byte of chunks, gaps and what was never read", () => {
  const piece = fc.oneof({ weight: 3, arbitrary: anyBytes }, { weight: 1, arbitrary: fc.nat(500) });
  const script = fc.array(piece, { maxLength: 20 });
  fc.assert(
    fc.property(script, fc.nat(50), fc.boolean(), (pieces, unread, late) => {
      const sums = Object.values(sumBytes(run(pieces, unread, late)));
      const moved = pieces.map((piece) => (typeof piece === "number" ? piece : piece.length));
      const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
      expect(total(sums)).toBe(total(moved) + unread);
    }),
    { numRuns: 500 },
  );
});

test("FramingStage hears a good line behind anything that ends with a line end", () => {
  fc.assert(
    fc.property(anyBytes, fc.nat(500), (bytes, lost) => {
      const items = run([bytes, lost, Buffer.from('\n{"good":1}\n')], 0, false);
      expect(framesOf(items).at(-1)).toEqual(['{"good":1}', 11, bytes.length + lost + 12, []]);
    }),
    { numRuns: 300 },
  );
});
