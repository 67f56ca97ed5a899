/** A connection's calls as a test writes them in, what the framing room makes of them out. */
import { expect } from "bun:test";
import type { Channel, ChannelKind } from "../../../src/capture/types.ts";
import { type FramingOptions, FramingStage } from "../../../src/framing/framing-stage.ts";
import type { FramingItem } from "../../../src/framing/types.ts";
import { channelEnd, chunk, gap, makeChannel, makeProcess } from "./items.ts";

/** What a direction brings: bytes, or bytes that were lost or skipped, or its end. */
export type Piece =
  | string
  | Uint8Array
  | { readonly lost: number }
  | { readonly skipped: number }
  | "end";
/** C: the client writes; S: the server does. */
export type Step = readonly ["C" | "S", Piece];

export interface Script {
  readonly steps: readonly Step[];
  readonly kind?: ChannelKind;
  readonly late?: boolean;
  /** False: neither direction knows its reverse. */
  readonly joined?: boolean;
  readonly options?: FramingOptions;
}

export interface Connection {
  readonly request: Channel;
  readonly response: Channel;
}

export const client = makeProcess(1);
export const server = makeProcess(2);

export function makeConnection(kind: ChannelKind = "tcp", late = false, joined = true): Connection {
  const request = { ...makeChannel("tcp:1>", late), kind };
  const response = { ...makeChannel("tcp:1<", late), kind };
  if (joined) {
    request.reverse = response;
    response.reverse = request;
  }
  return { request, response };
}

/** A run of the room on one connection; keeps the positions. */
export class ConnectionRun {
  readonly items: FramingItem[] = [];
  readonly connection: Connection;
  readonly framing: FramingStage;
  #timeNs = 0;
  readonly #positions = { C: 0, S: 0 };
  readonly moved = { C: 0, S: 0 };

  constructor(connection: Connection, framing: FramingStage) {
    this.connection = connection;
    this.framing = framing;
  }

  /** The items of this step. */
  step([who, piece]: Step): readonly FramingItem[] {
    const channel = who === "C" ? this.connection.request : this.connection.response;
    this.#timeNs += 1;
    const pushed = this.#item(channel, who, piece);
    const items = this.framing.push(pushed);
    // the ring is released: what was not copied is another's now
    if (pushed.kind === "chunk") pushed.bytes.fill(0x58);
    this.items.push(...items);
    return items;
  }

  #item(channel: Channel, who: "C" | "S", piece: Piece) {
    if (piece === "end") return channelEnd(channel, 0, this.#timeNs);
    const position = this.#positions[who];
    if (typeof piece === "string" || piece instanceof Uint8Array) {
      const bytes = Buffer.from(piece);
      this.#count(who, bytes.length);
      const reader = who === "C" ? server : client;
      return chunk(channel, bytes, position, reader, this.#timeNs);
    }
    if ("lost" in piece) {
      this.#count(who, piece.lost);
      return gap(channel, piece.lost, "ring_full", this.#timeNs);
    }
    this.#count(who, piece.skipped);
    return { kind: "skip", channel, bytes: piece.skipped, timeNs: this.#timeNs } as const;
  }

  #count(who: "C" | "S", bytes: number): void {
    this.#positions[who] += bytes;
    this.moved[who] += bytes;
  }
}

export function run({ steps, kind, late, joined, options }: Script): ConnectionRun {
  const made = new ConnectionRun(makeConnection(kind, late, joined), new FramingStage(options));
  for (const step of steps) made.step(step);
  return made;
}

/** Frames as [side, mode, id of the exchange, text]; losses as [reason, bytes]; ends as ["end", id, outcome, …flags]. */
export function brief(items: readonly FramingItem[]): unknown[] {
  return items.flatMap((item): unknown[] => {
    switch (item.kind) {
      case "frame": {
        const { http } = item;
        const line = http === undefined ? ["line"] : [http.side, http.mode, http.exchange.id];
        return [[...line, item.text, ...item.flags]];
      }
      case "loss":
        return [[item.reason, item.bytes]];
      case "http-end":
        return [["end", item.exchange.id, item.outcome, ...item.flags]];
      case "http-verdict":
        return [["verdict", item.verdict]];
      case "http-endpoint":
        return [["endpoint", item.uri]];
      case "set-aside":
        return [["set-aside", item.channel.id]];
      default:
        return [];
    }
  });
}

/** Bytes of all items of a channel. */
export function bytesOf(items: readonly FramingItem[], channel: Channel): number {
  let sum = 0;
  for (const item of items) {
    const isCounted = item.kind === "frame" || item.kind === "loss" || item.kind === "noise";
    if (isCounted && item.channel === channel) sum += item.bytes;
  }
  return sum;
}

/** A POST as an MCP client sends it. */
export function post(body: string, ...fields: readonly string[]): string {
  const lines = [
    "POST /mcp HTTP/1.1",
    "Host: 127.0.0.1:3001",
    "Content-Type: application/json",
    "Accept: application/json, text/event-stream",
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...fields,
  ];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}

export function answer(status: string, body: string, ...fields: readonly string[]): string {
  const lines = [`HTTP/1.1 ${status}`, `Content-Length: ${Buffer.byteLength(body)}`, ...fields];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}

export function jsonAnswer(body: string, ...fields: readonly string[]): string {
  return answer("200 OK", body, "Content-Type: application/json", ...fields);
}

export function chunked(...pieces: readonly string[]): string {
  return pieces.map((piece) => `${Buffer.byteLength(piece).toString(16)}\r\n${piece}\r\n`).join("");
}

export const EVENTS_HEAD =
  "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

export const CALL = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
export const RESULT = '{"jsonrpc":"2.0","id":1,"result":{}}';
export const NOTE = '{"jsonrpc":"2.0","method":"notifications/progress"}';
export const ENDS: readonly Step[] = [
  ["C", "end"],
  ["S", "end"],
];

/** What a script gives, once it has shown that no byte is missing. */
export function heard(script: Script): unknown[] {
  const made = run(script);
  const items = [...made.items, ...made.framing.end()];
  expect(bytesOf(items, made.connection.request)).toBe(made.moved.C);
  expect(bytesOf(items, made.connection.response)).toBe(made.moved.S);
  return brief(items);
}
