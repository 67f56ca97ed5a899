/**
 * Messages per second through framing and message, alone and together, from chunks as readers get
 * them (32 KiB at most); then the same of pairs over HTTP, a POST and its answer as an event, a read each. Prints the
 * median of several rounds: bun test/bench/rooms.ts [rounds]
 */
import { Outline } from "../../ffi/outline.ts";
import { FramingStage } from "../../src/framing/framing-stage.ts";
import { MessageStage } from "../../src/message/message-stage.ts";
import { chunked, EVENTS_HEAD, makeConnection, post } from "../unit/framing/http-script.ts";
import { chunk, makeChannel, makeProcess } from "../unit/framing/items.ts";

const CHUNK_BYTES = 32 * 1024;
const BATCH_BYTES = 8 * 1024 * 1024;
const HTTP_PAIRS = 4000;

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

/** What a room's input is: a read of a channel. */
type Read = Parameters<FramingStage["push"]>[0];

/** One pass over `reads`: messages a second of each room, and of both in turn, read by read. */
function measure(reads: readonly Read[], count: number): Rates {
  const framing = new FramingStage();
  const stage = new MessageStage(new Outline());
  let framingNs = 0;
  let messageNs = 0;
  let messages = 0;
  for (const read of reads) {
    const started = Bun.nanoseconds();
    const frames = framing.push(read);
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

function readsOfLines(bytes: Uint8Array): Read[] {
  const channel = makeChannel("pipe:1");
  const reads: Read[] = [];
  for (let from = 0; from < bytes.length; from += CHUNK_BYTES) {
    reads.push(chunk(channel, bytes.subarray(from, from + CHUNK_BYTES), from, makeProcess(1)));
  }
  return reads;
}

/** `varying`: each head differs from the one before it, as with a client that opens a connection a call. */
function readsOfHttp(text: string, pairs: number, varying: boolean): Read[] {
  const { request, response } = makeConnection();
  const [server, client] = [makeProcess(1), makeProcess(2)];
  const reads: Read[] = [];
  let [asked, answered] = [0, 0];
  for (let n = 0; n < pairs; n++) {
    const fields = [
      "Mcp-Session-Id: 5b0c1f5e-9b0b-4b39-8a53-5a0d7b6c7b11",
      "MCP-Protocol-Version: 2025-11-25",
      "User-Agent: node",
      `X-Trace: ${varying ? n : 0}`,
    ];
    const call = Buffer.from(post(text, ...fields));
    const head = EVENTS_HEAD.replace("\r\n", `\r\nX-Trace: ${varying ? n : 0}\r\n`);
    const event = chunked(`event: message\nid: ${n}\ndata: ${text}\n\n`);
    const answer = Buffer.from(`${head}${event}0\r\n\r\n`);
    reads.push(chunk(request, call, asked, server), chunk(response, answer, answered, client));
    asked += call.length;
    answered += answer.length;
  }
  return reads;
}

const rounds = Number(process.argv[2] ?? 7);
const print = (cells: readonly string[]) =>
  process.stdout.write(
    `${cells.map((cell, n) => (n === 0 ? cell.padEnd(22) : cell.padStart(12))).join("")}\n`,
  );

function printRates(name: string, size: number, reads: readonly Read[], count: number): void {
  measure(reads, count);
  const rates = Array.from({ length: rounds }, () => measure(reads, count));
  const both = median(rates.map((rate) => rate.both));
  const columns = [
    median(rates.map((rate) => rate.framing)),
    median(rates.map((rate) => rate.message)),
    both,
  ];
  const cells = [...columns, (both * size) / 1e6].map((value) =>
    Math.round(value).toLocaleString("en"),
  );
  print([name, String(size), ...cells]);
}

print(["messages/s", "bytes", "framing", "message", "both", "both MB/s"]);
for (const [name, text] of Object.entries(workloads)) {
  const one = Buffer.from(text);
  const count = Math.max(4, Math.floor(BATCH_BYTES / one.length));
  const bytes = Buffer.concat(Array.from({ length: count }, () => one));
  printRates(name, one.length, readsOfLines(bytes), count);
}
for (const varying of [false, true]) {
  const text = (workloads["1 KB, one string"] ?? "").trim();
  const name = varying ? "1 KB, HTTP, new heads" : "1 KB, HTTP";
  printRates(name, text.length, readsOfHttp(text, HTTP_PAIRS, varying), 2 * HTTP_PAIRS);
}
