/**
 * Messages per second through framing and message, alone and together, from chunks as readers get
 * them (32 KiB at most). Prints the median of several rounds: bun test/bench/rooms.ts [rounds]
 */
import { StdioFraming } from "../../src/framing/stdio.ts";
import { MessageStage } from "../../src/message/message-stage.ts";
import { chunk, makeChannel, makeProcess } from "../unit/framing/items.ts";

const CHUNK_BYTES = 32 * 1024;
const BATCH_BYTES = 8 * 1024 * 1024;

const workloads: Record<string, string> = {
  "200 B": line({ jsonrpc: "2.0", id: 1, method: "tools/call", params: tool("x".repeat(112)) }),
  "1 KB, one string": line({
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: tool("x".repeat(920)),
  }),
  "1 KB, dense": line({ result: { content: items(14) }, jsonrpc: "2.0", id: 1 }),
  "1 KB, not ASCII": line({
    result: { content: [{ type: "text", text: "é".repeat(470) }] },
    jsonrpc: "2.0",
    id: 1,
  }),
  "16 KB, one string": line({
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: tool("x".repeat(16_300)),
  }),
  "16 KB, dense": line({ result: { content: items(240) }, jsonrpc: "2.0", id: 1 }),
  "1 MB, one string": line({
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: tool("x".repeat(1_048_500)),
  }),
  "1 MB, dense": line({ result: { content: items(15_000) }, jsonrpc: "2.0", id: 1 }),
};

function tool(message: string): unknown {
  return { name: "echo", arguments: { message } };
}

function items(count: number): unknown {
  const item = (_: unknown, n: number) => ({
    type: "text",
    text: `item ${n}`,
    n,
    ok: true,
    tags: ["a", "b"],
  });
  return Array.from({ length: count }, item);
}

function line(message: unknown): string {
  return `${JSON.stringify(message)}\n`;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}

interface Rates {
  readonly framing: number;
  readonly message: number;
  readonly both: number;
}

/** One pass over `bytes`: messages a second of each room, and of both in turn, chunk by chunk. */
function measure(bytes: Uint8Array, count: number): Rates {
  const framing = new StdioFraming();
  const stage = new MessageStage();
  const channel = makeChannel("pipe:1");
  const reader = makeProcess(1);
  let framingNs = 0;
  let messageNs = 0;
  let messages = 0;
  for (let from = 0; from < bytes.length; from += CHUNK_BYTES) {
    const started = Bun.nanoseconds();
    const frames = framing.push(
      chunk(channel, bytes.subarray(from, from + CHUNK_BYTES), from, reader),
    );
    const framed = Bun.nanoseconds();
    for (const frame of frames) {
      for (const item of stage.push(frame)) if (item.kind === "message") messages++;
    }
    framingNs += framed - started;
    messageNs += Bun.nanoseconds() - framed;
  }
  if (messages !== count) throw new Error(`heard ${messages} messages, ${count} expected`);
  const rate = (ns: number) => (count / ns) * 1e9;
  return { framing: rate(framingNs), message: rate(messageNs), both: rate(framingNs + messageNs) };
}

const rounds = Number(process.argv[2] ?? 7);
const print = (cells: readonly string[]) =>
  process.stdout.write(
    `${cells.map((cell, n) => (n === 0 ? cell.padEnd(20) : cell.padStart(12))).join("")}\n`,
  );

print(["messages/s", "bytes", "framing", "message", "both", "both MB/s"]);
for (const [name, text] of Object.entries(workloads)) {
  const one = Buffer.from(text);
  const count = Math.max(4, Math.floor(BATCH_BYTES / one.length));
  const bytes = Buffer.concat(Array.from({ length: count }, () => one));
  measure(bytes, count);
  const rates = Array.from({ length: rounds }, () => measure(bytes, count));
  const both = median(rates.map((rate) => rate.both));
  const columns = [
    median(rates.map((rate) => rate.framing)),
    median(rates.map((rate) => rate.message)),
    both,
  ];
  const cells = [...columns, (both * one.length) / 1e6].map((value) =>
    Math.round(value).toLocaleString("en"),
  );
  print([name, String(one.length), ...cells]);
}
