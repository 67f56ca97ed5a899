/** Any bytes, cut anywhere, with gaps, through framing: every byte is accounted for, and cuts change nothing. */
import { FramingStage } from "../../src/framing/framing-stage.ts";
import type { FramingItem } from "../../src/framing/types.ts";
import { channelEnd, chunk, gap, makeChannel, makeProcess } from "../unit/framing/items.ts";
import { seeds } from "./seeds.ts";
import { assertEqual, type FuzzTarget, type Random } from "./target.ts";

const reader = makeProcess(1);
const PRETTY = JSON.stringify({ jsonrpc: "2.0", id: 1, result: { a: [1, {}] } }, null, 2);
const GOOD = '{"jsonrpc":"2.0","id":7,"method":"ping"}';

export const framingTarget: FuzzTarget = {
  name: "framing",
  seeds: [
    ...seeds,
    ...[
      `${PRETTY}\n${GOOD}\n[\n${GOOD},\n${GOOD}\n]\n`,
      `Content-Length: 40\r\n\r\n${GOOD}Content-Length: 72\r\nContent-Type: x\r\n\r\n${PRETTY}${GOOD}\n`,
      `${GOOD}${GOOD}${PRETTY}${GOOD}`,
    ].map((text) => Buffer.from(text)),
  ],
  check(input, random) {
    const late = random(2) === 0;
    const whole = listen([input], late);
    const cut = listen(cutUp(input, random), late);
    assertEqual(account(cut), account(whole), "frames and losses of cut bytes");

    const pieces = cutUp(input, random).flatMap((piece) => [
      piece,
      random(4) === 0 ? random(99) : 0,
    ]);
    const moved = pieces.reduce<number>((sum, piece) => sum + sizeOf(piece), 0);
    const items = listen([...pieces, Buffer.from(`\n${GOOD}\n`)], late);
    const { total, frames } = account(items);
    assertEqual(total, moved + GOOD.length + 2, "bytes accounted for");
    assertEqual(frames.at(-1), GOOD, "the good line at the end");
  },
};

function cutUp(bytes: Uint8Array, random: Random): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + random(random(4) === 0 ? 3 : 400);
    pieces.push(bytes.slice(at, at + size));
    at += size;
  }
  return pieces;
}

function sizeOf(piece: Uint8Array | number): number {
  return typeof piece === "number" ? piece : piece.length;
}

function listen(pieces: readonly (Uint8Array | number)[], late: boolean): FramingItem[] {
  const framing = new FramingStage({ maxLineBytes: 512, maxTotalBytes: 100_000 });
  const channel = makeChannel("pipe:1", late);
  const items: FramingItem[] = [];
  let position = 0;
  for (const piece of pieces) {
    const item =
      typeof piece === "number"
        ? gap(channel, piece, "ring_full")
        : chunk(channel, piece, position, reader);
    if (sizeOf(piece) > 0) items.push(...framing.push(item));
    position += sizeOf(piece);
  }
  return [...items, ...framing.push(channelEnd(channel))];
}

function account(items: readonly FramingItem[]): {
  readonly total: number;
  readonly frames: readonly string[];
  readonly sums: Readonly<Record<string, number>>;
} {
  const sums: Record<string, number> = {};
  let total = 0;
  for (const item of items) {
    if (item.kind !== "frame" && item.kind !== "loss" && item.kind !== "noise") continue;
    const name = item.kind === "loss" ? item.reason : item.kind;
    sums[name] = (sums[name] ?? 0) + item.bytes;
    total += item.bytes;
  }
  return {
    total,
    sums,
    frames: items.flatMap((item) => (item.kind === "frame" ? [item.text] : [])),
  };
}
