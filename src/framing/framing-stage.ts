/** Ordered bytes per channel in; lines, HTTP bodies and events out, by what the channel's first bytes say. */
import type { Channel } from "../capture/types.ts";
import type { Stage } from "../stage.ts";
import type { ChannelEnd, Chunk, Gap, Skip, StreamItem } from "../stream/types.ts";
import type { ChannelFramer } from "./channel-framer.ts";
import { readFirstBytes, readResume } from "./first-bytes.ts";
import { HttpConnection, type HttpMemory, type HttpSide } from "./http1/connection.ts";
import { Endpoints } from "./http1/endpoints.ts";
import { HttpFramer, type HttpLimits } from "./http1/http-framer.ts";
import { ChannelLines } from "./lines/channel-lines.ts";
import { readLineStart } from "./lines/line-start.ts";
import type { HeldBytes } from "./partial-line.ts";
import type { FramingItem } from "./types.ts";

const MEBIBYTE = 1024 * 1024;
/** Room for one of the longest, which may take twice its length while it grows, and for others beside it. */
const LONGEST_LINES = 3;
/** Channels whose first bytes, 8 KiB at most, may wait for more of them; the oldest then is one of lines. */
const MAX_OPENINGS = 1024;

export interface FramingOptions {
  /** A longer line (its end included), body or event is lost as `line_too_long`. Default 32 MiB. */
  readonly maxLineBytes?: number;
  /** Memory for all that is unfinished; over it the largest are lost as `memory_limit`. Default 256 MiB, or 3 of the longest. */
  readonly maxTotalBytes?: number;
}

/** `isOpen`: its first bytes were not heard, so a later read may show that it is none of lines. */
interface Lines {
  readonly framer: ChannelLines;
  readonly isOpen: boolean;
}

/**
 * Cuts channels into the units of MCP's transports: HTTP/1 where the first bytes of a socket are a request line or a status
 * line (or where those of the opposite direction are), else lines.
 * In: chunks in stream order, cut anywhere, even inside UTF-8. Out: a Frame per JSON text (a line that starts with `{` or
 * `[`, a body, an event), Noise for what is none, a Loss for every byte that is in neither, with its reason.
 * For each channel the bytes of these sum up to the bytes of its chunks, gaps and skips and to what was
 * never read. A channel of 64 KiB without a JSON line is set aside, each time anew, and so is a Unix socket whose HTTP is
 * not MCP's.
 * Source: MCP 2025-11-25, basic/transports; RFC 9112.
 */
export class FramingStage implements Stage<StreamItem, FramingItem> {
  readonly #limits: HttpLimits;
  readonly #maxTotalBytes: number;
  readonly #held: HeldBytes = { total: 0 };
  readonly #lines = new Map<Channel, Lines>();
  readonly #http = new Map<Channel, HttpFramer>();
  /** First bytes that may yet become a request line or a status line. */
  readonly #openings = new Map<Channel, Chunk>();
  readonly #memory: HttpMemory = {
    exchanges: 0,
    endpoints: new Endpoints(),
    held: this.#held,
  };

  constructor(options: FramingOptions = {}) {
    const maxLineBytes = options.maxLineBytes ?? 32 * MEBIBYTE;
    this.#limits = { maxBodyBytes: maxLineBytes, held: this.#held };
    this.#maxTotalBytes =
      options.maxTotalBytes ?? Math.max(256 * MEBIBYTE, LONGEST_LINES * maxLineBytes);
  }

  push(item: StreamItem): readonly FramingItem[] {
    switch (item.kind) {
      case "process-end":
      case "tick":
        return [item];
      default: {
        const out: FramingItem[] = [];
        if (item.kind === "chunk") this.#pushChunk(item, out);
        else if (item.kind === "gap") this.#pushGap(item, out);
        else if (item.kind === "skip") this.#pushSkip(item, out);
        else this.#pushEnd(item, out);
        return out;
      }
    }
  }

  end(): readonly FramingItem[] {
    const out: FramingItem[] = [];
    for (const channel of [...this.#openings.keys()]) this.#settleOpening(channel, out);
    for (const framer of this.#framers()) framer.finish(undefined, out);
    this.#lines.clear();
    this.#http.clear();
    return out;
  }

  #pushChunk(chunk: Chunk, out: FramingItem[]): void {
    const { channel } = chunk;
    const http = this.#http.get(channel);
    if (http !== undefined) {
      if (!http.connection.isJoined && channel.reverse !== undefined) this.#join(http, out);
      this.#hear(http, chunk, out);
      return;
    }
    const lines = this.#lines.get(channel);
    if (lines === undefined) {
      this.#begin(chunk, out);
      return;
    }
    const side = lines.isOpen && mayTurn(channel, lines.framer) && readSide(chunk.bytes, true);
    if (side) this.#hear(this.#openHttp(channel, side, out), chunk, out);
    else this.#hear(lines.framer, chunk, out);
  }

  /** The first bytes of a channel, or what follows them while they do not tell yet. */
  #begin(chunk: Chunk, out: FramingItem[]): void {
    const { channel } = chunk;
    const opening = this.#openings.get(channel);
    const first = opening === undefined ? chunk : joinChunks(opening, chunk);
    const { bytes } = first;
    const isOpen = first.position > 0 || channel.late === true;
    const mayBeHttp = isSocket(channel);
    if (
      mayBeHttp &&
      !isOpen &&
      bytes.length > 0 &&
      readFirstBytes(bytes, 0, bytes.length) === "open"
    ) {
      this.#openings.set(channel, { ...first, bytes: Buffer.from(bytes) });
      const [oldest] = this.#openings.keys();
      if (oldest !== undefined && this.#openings.size > MAX_OPENINGS) {
        this.#settleOpening(oldest, out);
      }
      return;
    }
    this.#openings.delete(channel);
    const side = mayBeHttp ? readSide(bytes, isOpen) : undefined;
    const isLines = channel.kind !== "tcp" || !isOpen || isJsonStart(bytes);
    if (side === undefined && isLines) this.#hear(this.#openLines(channel, isOpen), first, out);
    else this.#hear(this.#openHttp(channel, side, out), first, out);
  }

  #hear(framer: ChannelFramer, chunk: Chunk, out: FramingItem[]): void {
    framer.pushChunk(chunk, out);
    if (framer.isHopeless) this.#setAside(framer, chunk.channel, out);
    if (this.#held.total > this.#maxTotalBytes) this.#dropLargest(out);
  }

  #setAside(framer: ChannelFramer, channel: Channel, out: FramingItem[]): void {
    framer.abandon(out);
    out.push({ kind: "set-aside", channel });
    this.#lines.delete(channel);
    const { reverse } = channel;
    if (!this.#http.delete(channel) || reverse === undefined) return;
    this.#http.get(reverse)?.abandon(out);
    this.#http.delete(reverse);
    out.push({ kind: "set-aside", channel: reverse });
  }

  #pushGap(gap: Gap, out: FramingItem[]): void {
    const { channel, bytes, reason, timeNs } = gap;
    this.#settleOpening(channel, out);
    // on TCP what comes behind it tells
    const known = this.#framerOf(channel);
    const framer = known ?? (channel.kind === "tcp" ? undefined : this.#openLines(channel, true));
    if (framer !== undefined) framer.pushGap(gap, out);
    else if (bytes > 0) out.push({ kind: "loss", channel, bytes, reason, timeNs });
  }

  /** Only HTTP is skipped. */
  #pushSkip(skip: Skip, out: FramingItem[]): void {
    const { channel } = skip;
    this.#settleOpening(channel, out);
    const lines = this.#lines.get(channel)?.framer;
    const framer =
      lines !== undefined && !mayTurn(channel, lines)
        ? lines
        : (this.#http.get(channel) ?? this.#openHttp(channel, undefined, out));
    framer.pushSkip(skip, out);
  }

  #pushEnd(end: ChannelEnd, out: FramingItem[]): void {
    const { channel, unreadBytes, timeNs } = end;
    this.#settleOpening(channel, out);
    this.#framerOf(channel)?.finish(timeNs, out);
    this.#lines.delete(channel);
    this.#http.delete(channel);
    if (unreadBytes > 0) {
      out.push({ kind: "loss", channel, bytes: unreadBytes, reason: "unread", timeNs });
    }
    out.push(end);
  }

  /** What was held did not become HTTP. */
  #settleOpening(channel: Channel, out: FramingItem[]): void {
    const opening = this.#openings.get(channel);
    if (opening === undefined) return;
    this.#openings.delete(channel);
    this.#openLines(channel, opening.position > 0 || channel.late === true).pushChunk(opening, out);
  }

  #openLines(channel: Channel, isOpen: boolean): ChannelLines {
    const framer = new ChannelLines(channel, this.#limits.maxBodyBytes, this.#held);
    this.#lines.set(channel, { framer, isOpen });
    return framer;
  }

  /** The opposite direction is HTTP, too. */
  #openHttp(channel: Channel, side: HttpSide | undefined, out: FramingItem[]): HttpFramer {
    const { reverse } = channel;
    const connection = new HttpConnection(this.#memory);
    const framer = this.#takeOver(channel, connection, side, out);
    if (reverse === undefined) return framer;
    const other = this.#http.get(reverse);
    const lines = this.#lines.get(reverse)?.framer;
    if (other !== undefined) this.#join(framer, out);
    else if (lines === undefined || mayTurn(reverse, lines)) {
      this.#takeOver(reverse, connection, side && oppositeOf(side), out);
      connection.isJoined = true;
    }
    return framer;
  }

  /** Lines of a channel that turns out to be HTTP are lost: they were parts of bodies. */
  #takeOver(
    channel: Channel,
    connection: HttpConnection,
    side: HttpSide | undefined,
    out: FramingItem[],
  ): HttpFramer {
    this.#lines.get(channel)?.framer.drop("started_before_attach", out);
    this.#lines.delete(channel);
    const framer = new HttpFramer(channel, connection, side, this.#limits);
    this.#http.set(channel, framer);
    const opening = this.#openings.get(channel);
    this.#openings.delete(channel);
    if (opening !== undefined) framer.pushChunk(opening, out);
    return framer;
  }

  #join(framer: HttpFramer, out: FramingItem[]): void {
    const { reverse } = framer.channel;
    const other = reverse && this.#http.get(reverse);
    if (other === undefined) return;
    if (framer.side === "request" || other.side === "response") other.join(framer, out);
    else framer.join(other, out);
  }

  *#framers(): Iterable<ChannelFramer> {
    for (const { framer } of this.#lines.values()) yield framer;
    yield* this.#http.values();
  }

  #framerOf(channel: Channel): ChannelFramer | undefined {
    return this.#http.get(channel) ?? this.#lines.get(channel)?.framer;
  }

  /** Frees an eighth of the bound at least, so that many channels cannot make this run for every chunk. */
  #dropLargest(out: FramingItem[]): void {
    const bySize = [...this.#framers()].sort((a, b) => b.heldBytes - a.heldBytes);
    for (const framer of bySize) {
      if (this.#held.total <= (this.#maxTotalBytes / 8) * 7) return;
      framer.drop("memory_limit", out);
    }
  }
}

/** HTTP goes over these. What looks like it on a pipe is a log, whose writer may yet speak MCP in lines. */
function isSocket({ kind }: Channel): boolean {
  return kind === "tcp" || kind === "unix-stream";
}

/** Lines that may turn out to have been parts of HTTP: on TCP a chunk of a body may hold JSON, and a line end. */
function mayTurn(channel: Channel, lines: ChannelLines): boolean {
  return channel.kind === "tcp" || (isSocket(channel) && !lines.hasFrames);
}

function isJsonStart(bytes: Buffer): boolean {
  return readLineStart(bytes, 0, bytes.length) === "json";
}

/** `isLate`: the read may begin anywhere in a message. */
function readSide(bytes: Buffer, isLate: boolean): HttpSide | undefined {
  const first = isLate ? readResume(bytes) : readFirstBytes(bytes, 0, bytes.length);
  if (first === "request" || first === "response") return first;
  return first === "events" ? "response" : undefined;
}

function oppositeOf(side: HttpSide): HttpSide {
  return side === "request" ? "response" : "request";
}

function joinChunks(first: Chunk, next: Chunk): Chunk {
  return { ...next, position: first.position, bytes: Buffer.concat([first.bytes, next.bytes]) };
}
