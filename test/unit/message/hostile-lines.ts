/**
 * A program of its own, so that its peak memory can be measured: sends hostile lines in chunks of
 * 32 KiB through framing and message, a good message behind each. Prints one JSON line per hostile
 * line: its name, what came out before the good message, and whether that was heard. With an
 * argument it sends only the line of that name.
 */
import { Outline } from "../../../ffi/outline.ts";
import { FramingStage } from "../../../src/framing/framing-stage.ts";
import { MessageStage } from "../../../src/message/message-stage.ts";
import type { MessageItem } from "../../../src/message/types.ts";
import { chunk, makeChannel, makeProcess } from "../framing/items.ts";
import { GOOD, HOSTILE, pieces } from "./hostile-input.ts";

const MEBIBYTE = 1024 * 1024;

for (const name of HOSTILE) {
  if (process.argv[2] !== undefined && process.argv[2] !== name) continue;
  const framing = new FramingStage();
  const stage = new MessageStage(new Outline());
  const channel = makeChannel("pipe:1");
  const reader = makeProcess(1);
  const kinds = new Set<string>();
  let last: MessageItem | undefined;
  let position = 0;
  const started = performance.now();
  for (const piece of pieces(name)) {
    for (const frame of framing.push(chunk(channel, piece, position, reader))) {
      for (const item of stage.push(frame)) {
        if (last !== undefined) kinds.add(last.kind === "loss" ? last.reason : last.kind);
        last = item;
      }
    }
    // As main does behind a line of many megabytes: its strings are garbage by now.
    if (piece === GOOD) Bun.gc(true);
    position += piece.length;
  }
  const heard = last?.kind === "message" && last.raw === GOOD.toString().trim();
  const ms = Math.round(performance.now() - started);
  const rssMiB = Math.round(process.memoryUsage.rss() / MEBIBYTE);
  process.stdout.write(`${JSON.stringify({ name, before: [...kinds], heard, ms, rssMiB })}\n`);
}

/** The last line: this process's peak of resident memory, KiB. */
const status = await Bun.file("/proc/self/status").text();
process.stdout.write(`${/VmHWM:\s*(\d+) kB/.exec(status)?.[1] ?? "unknown"}\n`);
