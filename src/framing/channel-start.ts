/** The first bytes of a channel in, which transport begins there out. */
import type { Channel } from "../capture/types.ts";
import { isConnection } from "../party.ts";
import type { Chunk } from "../stream/types.ts";
import type { LineFramer } from "./channel-framer.ts";
import { readFirstBytes, readResume } from "./first-bytes.ts";
import type { HttpSide } from "./http1/connection.ts";
import { readFirstFrame, startsWithFrames } from "./http2/frame-header.ts";
import { readLineStart } from "./lines/line-start.ts";

/** What begins a direction of HTTP. `side`: undefined, what follows will tell. */
export interface HttpStart {
  readonly version: 1 | 2;
  readonly side: HttpSide | undefined;
}

export const UNKNOWN_START: HttpStart = { version: 1, side: undefined };

/** HTTP goes over these. What looks like it on a pipe is a log, whose writer may yet speak MCP in lines. */
export function isSocket(channel: Channel): boolean {
  return isConnection(channel) || channel.kind === "unix-stream";
}

/** `isLate`: the read may begin anywhere in a message. */
export function readStart(bytes: Buffer, isLate: boolean): HttpStart | undefined {
  const frame = readFirstFrame(bytes);
  if (frame === "request") return { version: 2, side: frame };
  if (isLate && startsWithFrames(bytes)) return { version: 2, side: undefined };
  if (!isLate && frame === "response") return { version: 2, side: frame };
  const first = isLate ? readResume(bytes) : readFirstBytes(bytes, 0, bytes.length);
  if (first === "request" || first === "response") return { version: 1, side: first };
  return first === "events" ? { version: 1, side: "response" } : undefined;
}

/** What there is of it does not tell yet. */
export function mayBecomeHttp(bytes: Buffer): boolean {
  return readFirstBytes(bytes, 0, bytes.length) === "open" || readFirstFrame(bytes) === "open";
}

export function oppositeOf(side: HttpSide): HttpSide {
  return side === "request" ? "response" : "request";
}

export function joinChunks(first: Chunk, next: Chunk): Chunk {
  return { ...next, position: first.position, bytes: Buffer.concat([first.bytes, next.bytes]) };
}

/** Lines that may turn out to have been parts of HTTP: on TCP a chunk of a body may hold JSON, and a line end. */
export function mayTurn(channel: Channel, lines: LineFramer): boolean {
  return isConnection(channel) || (isSocket(channel) && !lines.hasFrames);
}

export function isJsonStart(bytes: Buffer): boolean {
  return readLineStart(bytes, 0, bytes.length) === "json";
}
