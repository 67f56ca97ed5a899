/**
 * A program of its own, so that its peak memory can be measured: sends hostile lines in chunks of
 * 32 KiB through framing and message, a good message behind each. Prints one JSON line per hostile
 * line: its name, what came out before the good message, and whether that was heard. With an
 * argument it sends only the line of that name.
 */
import { StdioFraming } from "../../../src/framing/stdio.ts";
import { MessageStage } from "../../../src/message/message-stage.ts";
import type { MessageItem } from "../../../src/message/types.ts";
import { chunk, makeChannel, makeProcess } from "../framing/items.ts";

const CHUNK_BYTES = 32 * 1024;
const MEBIBYTE = 1024 * 1024;
const GOOD = Buffer.from('\n{"jsonrpc":"2.0","id":1,"method":"ping"}\n');

const request = (params: string) => `{"jsonrpc":"2.0","id":1,"method":"ping","params":${params}}`;

/** Each line as the text at its start, the text that is repeated to fill it, how often, and its end. */
const lines: Record<string, readonly [string, string, number, string]> = {
  "200,000 brackets": ["", "[", 200_000, ""],
  "16 million brackets in params": [request("").slice(0, -1), "[", 16 * MEBIBYTE, ""],
  "8 million pairs of brackets": [
    '{"jsonrpc":"2.0","method":"ping","params":',
    "[",
    8 * MEBIBYTE,
    `${"]".repeat(8 * MEBIBYTE)}}`,
  ],
  "120 MB without an end": ['{"a":"', "x", 120_000_000, ""],
  "31 MiB of empty objects": [
    '{"jsonrpc":"2.0","method":"ping","params":[',
    "{},",
    10 * MEBIBYTE,
    "{}]}",
  ],
  "31 MiB of numbers": ['{"jsonrpc":"2.0","method":"ping","params":[', "0,", 15 * MEBIBYTE, "0]}"],
  "31 MiB of new keys": [
    '{"jsonrpc":"2.0","method":"ping","params":{',
    "KEY",
    2_000_000,
    '"z":1}}',
  ],
  "31 MiB of escapes": [
    '{"jsonrpc":"2.0","method":"ping","params":["',
    "\\u00e9",
    5 * MEBIBYTE,
    '"]}',
  ],
  "31 MiB of two-byte characters": [
    '{"jsonrpc":"2.0","method":"ping","params":["',
    "é",
    15 * MEBIBYTE,
    '"]}',
  ],
  "31 MiB of a batch": ["[", '{"jsonrpc":"2.0","method":"ping"},', 900_000, "1]"],
  "31 MiB of white space": ['{"jsonrpc":"2.0",', " ", 31 * MEBIBYTE, '"method":"ping"}'],
  "31 MiB of quotes": ["{", '"', 31 * MEBIBYTE, "}"],
  "31 MiB of backslashes": ['{"method":"', "\\", 31 * MEBIBYTE, '"}'],
  "an id of 31 MiB": ['{"jsonrpc":"2.0","method":"ping","id":', "1", 31 * MEBIBYTE, "}"],
};

function* pieces([start, repeated, times, end]: readonly [string, string, number, string]) {
  yield Buffer.from(start);
  const perPiece = Math.ceil(CHUNK_BYTES / repeated.length);
  for (let done = 0; done < times; done += perPiece) {
    const count = Math.min(perPiece, times - done);
    const text =
      repeated === "KEY"
        ? Array.from({ length: count }, (_, n) => `"${done + n}k":1,`).join("")
        : repeated.repeat(count);
    yield Buffer.from(text);
  }
  yield Buffer.from(end);
  yield GOOD;
}

for (const [name, line] of Object.entries(lines)) {
  if (process.argv[2] !== undefined && process.argv[2] !== name) continue;
  const framing = new StdioFraming();
  const stage = new MessageStage();
  const channel = makeChannel("pipe:1");
  const reader = makeProcess(1);
  const kinds = new Set<string>();
  let last: MessageItem | undefined;
  let position = 0;
  const started = performance.now();
  for (const piece of pieces(line)) {
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
  const heard = last?.kind === "message" && last.raw === '{"jsonrpc":"2.0","id":1,"method":"ping"}';
  const ms = Math.round(performance.now() - started);
  const rssMiB = Math.round(process.memoryUsage.rss() / MEBIBYTE);
  process.stdout.write(`${JSON.stringify({ name, before: [...kinds], heard, ms, rssMiB })}\n`);
}

/** The last line: this process's peak of resident memory, KiB. */
const status = await Bun.file("/proc/self/status").text();
process.stdout.write(`${/VmHWM:\s*(\d+) kB/.exec(status)?.[1] ?? "unknown"}\n`);
