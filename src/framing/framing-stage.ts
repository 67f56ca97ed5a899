/** Ordered bytes per channel in; lines, HTTP bodies and events out, by what the channel's first bytes say. */
import type { Channel } from "../capture/types.ts";
import { isConnection } from "../party.ts";
import type { Stage } from "../stage.ts";
import type { ChannelEnd, Chunk, Gap, Skip, StreamItem } from "../stream/types.ts";
import type { ChannelFramer, LineFramer } from "./channel-framer.ts";
import {
  type HttpStart,
  isJsonStart,
  isSocket,
  joinChunks,
  mayBecomeHttp,
  mayTurn,
  oppositeOf,
  readStart,
  UNKNOWN_START,
} from "./channel-start.ts";
import { DockerStream } from "./docker/docker-stream.ts";
import { startsWithOutput } from "./docker/piece-header.ts";
import type { HttpLimits } from "./http1/body.ts";
import { HttpConnection, type HttpMemory, type HttpSide } from "./http1/connection.ts";
import { Endpoints } from "./http1/endpoints.ts";
import type { Upgrade } from "./http1/exchange-state.ts";
import { HttpFramer } from "./http1/http-framer.ts";
import { Http2Connection } from "./http2/connection.ts";
import { Http2Framer } from "./http2/http2-framer.ts";
import { ChannelLines } from "./lines/channel-lines.ts";
import { mayYetSpeak } from "./lines/expected.ts";
import { hasJsonRpcLine } from "./lines/line-start.ts";
import type { HeldBytes } from "./partial-line.ts";
import type { FramingItem } from "./types.ts";
import { Unended } from "./unended.ts";

const MEBIBYTE = 1024 * 1024;
/** Room for one of the longest, which may take twice its length while it grows, and for others beside it. */
const LONGEST_LINES = 3;
/** What comes of a channel that is set aside so long after the last of it was not on its way: it is heard again. */
const LEFT_ALONE_NS = 100_000_000;
/** Channels whose first bytes, 8 KiB at most, may wait for more of them; the oldest then is one of lines. */
const MAX_OPENINGS = 1024;

export interface FramingOptions {
  /** A longer line (its end included), body or event is lost as `line_too_long`. Default 32 MiB. */
  readonly maxLineBytes?: number;
  /** Memory for all that is unfinished; over it the largest are lost as `memory_limit`. Default 256 MiB, or 3 of the longest. */
  readonly maxTotalBytes?: number;
}

type LineFramerClass = new (channel: Channel, maxLineBytes: number, held: HeldBytes) => LineFramer;

/** `isOpen`: its first bytes were not heard, so a later read may show that it is none of lines. */
interface Lines {
  readonly framer: LineFramer;
  readonly isOpen: boolean;
}

/**
 * Cuts channels into the units of MCP's transports: HTTP/1 where the first bytes of a socket are a request line or a status
 * line, HTTP/2 where they are a preface or frames (or where those of the opposite direction are), else lines, which may also
 * be those of a container behind Docker's headers;
 * a connection whose beginning was not heard is what it is first known by.
 * In: chunks in stream order, cut anywhere, even inside UTF-8. Out: a Frame per JSON text (a line that starts with `{` or
 * `[`, a body, an event), Noise for what is none, a Loss for every byte that is in neither, with its reason.
 * For each channel the bytes of these sum up to the bytes of its chunks, gaps and skips and to what was
 * never read. A channel of 64 KiB without a JSON line is set aside, each time anew, unless its writer is one that is being
 * asked (lines/expected.ts), and so is a Unix socket whose HTTP is not MCP's, and any connection of HTTP/2 that is not.
 * Source: MCP 2025-11-25, basic/transports; RFC 9112; RFC 9113.
 */
export class FramingStage implements Stage<StreamItem, FramingItem> {
  readonly #limits: HttpLimits;
  readonly #maxTotalBytes: number;
  readonly #held: HeldBytes = { total: 0 };
  readonly #lines = new Map<Channel, Lines>();
  readonly #unended = new Unended();
  readonly #http = new Map<Channel, HttpFramer | Http2Framer>();
  /** First bytes that may yet become what HTTP begins with. */
  readonly #openings = new Map<Channel, Chunk>();
  /** Channels that were set aside and not heard since, and when the last of them came: what was on its way may yet come. */
  readonly #aside = new Map<Channel, number>();
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
    const out: FramingItem[] = [];
    if (item.kind === "chunk") this.#pushChunk(item, out);
    else if (item.kind === "gap") this.#pushGap(item, out);
    else if (item.kind === "skip") this.#pushSkip(item, out);
    else if (item.kind === "lying") out.push({ ...item, kind: "loss", reason: "unread" });
    else if (item.kind === "end") this.#pushEnd(item, out);
    else {
      if (item.kind === "tick") this.#unended.pass(item.timeNs, out);
      else this.#unended.end(item, out);
      out.push(item);
    }
    return out;
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
    this.#unended.pass(chunk.timeNs, out);
    if (this.#aside.size > 0) this.#takeUp(chunk, out);
    const http = this.#http.get(channel);
    if (http !== undefined) {
      this.#pushHttp(http, chunk, out);
      return;
    }
    const lines = this.#lines.get(channel);
    if (lines === undefined) {
      this.#begin(chunk, out);
      return;
    }
    const mayBeHttp = lines.isOpen && mayTurn(channel, lines.framer);
    const start = mayBeHttp ? readStart(chunk.bytes, true) : undefined;
    if (start) this.#hear(this.#openHttp(channel, start, out), chunk, out);
    else this.#hear(lines.framer, chunk, out);
  }

  #pushHttp(framer: HttpFramer | Http2Framer, chunk: Chunk, out: FramingItem[]): void {
    const { channel, bytes } = chunk;
    if (!framer.connection.isJoined && channel.reverse !== undefined) this.#join(framer, out);
    const unknown = isUnknown(framer) ? framer : undefined;
    const start = unknown && readStart(bytes, true);
    if (unknown && start?.version === 2) {
      unknown.abandon(out);
      this.#hear(this.#openHttp(channel, start, out), chunk, out);
    } else if (unknown && start === undefined && hasJsonRpcLine(bytes)) {
      this.#turnToLines(unknown, chunk, out);
    } else this.#hear(framer, chunk, out);
  }

  /** Nothing was known of the connection, and it turns out to carry lines: what it began with was lost. */
  #turnToLines(framer: HttpFramer, chunk: Chunk, out: FramingItem[]): void {
    const { reverse } = framer.channel;
    const other = reverse && this.#http.get(reverse);
    for (const each of [other, framer]) {
      if (each === undefined || !isUnknown(each)) continue;
      each.abandon(out);
      this.#http.delete(each.channel);
      const lines = this.#openLinesAt({ ...chunk, channel: each.channel }, out);
      if (each === framer) this.#hear(lines, chunk, out);
    }
  }

  /** The first bytes of a channel, or what follows them while they do not tell yet. */
  #begin(chunk: Chunk, out: FramingItem[]): void {
    const { channel } = chunk;
    const opening = this.#openings.get(channel);
    const first = opening === undefined ? chunk : joinChunks(opening, chunk);
    const { bytes } = first;
    const isOpen = first.position > 0 || channel.late === true;
    const mayBeHttp = isSocket(channel);
    if (mayBeHttp && !isOpen && bytes.length > 0 && mayBecomeHttp(bytes)) {
      this.#openings.set(channel, { ...first, bytes: Buffer.from(bytes) });
      const [oldest] = this.#openings.keys();
      if (oldest !== undefined && this.#openings.size > MAX_OPENINGS) {
        this.#settleOpening(oldest, out);
      }
      return;
    }
    this.#openings.delete(channel);
    const start = mayBeHttp
      ? (readStart(bytes, isOpen) ?? this.#startOfReverse(channel))
      : undefined;
    const isLines = !isConnection(channel) || !isOpen || this.#bringsLines(channel, bytes);
    if (start === undefined && isLines) this.#hear(this.#openLinesAt(first, out), first, out);
    else this.#hear(this.#openHttp(channel, start ?? UNKNOWN_START, out), first, out);
  }

  /** Whatever it looks like: the opposite direction is HTTP. */
  #startOfReverse({ reverse }: Channel): HttpStart | undefined {
    const other = reverse && this.#http.get(reverse);
    if (other?.side === undefined) return undefined;
    return { version: other instanceof Http2Framer ? 2 : 1, side: oppositeOf(other.side) };
  }

  /** What a connection brings whose beginning was not heard: the opposite direction tells, too. */
  #bringsLines({ reverse }: Channel, bytes: Buffer): boolean {
    const other = reverse && this.#lines.get(reverse);
    return other?.framer.hasFrames === true || isJsonStart(bytes) || hasJsonRpcLine(bytes);
  }

  #hear(framer: LineFramer | HttpFramer | Http2Framer, chunk: Chunk, out: FramingItem[]): void {
    framer.pushChunk(chunk, out);
    if (framer instanceof HttpFramer) {
      if (framer.upgrade !== undefined) this.#upgrade(chunk, framer.upgrade, out);
    } else if (!(framer instanceof Http2Framer)) this.#unended.heard(framer, out);
    if (framer.isHopeless && !mayYetSpeak(framer, this.#lines.values())) {
      this.#setAside(framer, chunk, out);
    }
    if (this.#held.total > this.#maxTotalBytes) this.#dropLargest(out);
  }

  /** Heard again after a while: what was under way then is not what is now. */
  #takeUp({ channel, timeNs }: Chunk, out: FramingItem[]): void {
    const sinceNs = this.#aside.get(channel);
    if (sinceNs === undefined) return;
    if (timeNs - sinceNs < LEFT_ALONE_NS) {
      this.#aside.set(channel, timeNs);
      return;
    }
    for (const each of [channel, channel.reverse]) {
      if (each === undefined || !this.#aside.delete(each)) continue;
      this.#framerOf(each)?.abandon(out);
      this.#http.delete(each);
      this.#lines.delete(each);
      this.#openings.delete(each);
    }
  }

  #setAside(framer: ChannelFramer, { channel, timeNs }: Chunk, out: FramingItem[]): void {
    framer.abandon(out);
    out.push({ kind: "set-aside", channel, timeNs });
    this.#aside.set(channel, timeNs);
    this.#lines.delete(channel);
    const { reverse } = channel;
    if (!this.#http.delete(channel) || reverse === undefined) return;
    this.#http.get(reverse)?.abandon(out);
    this.#http.delete(reverse);
    out.push({ kind: "set-aside", channel: reverse, timeNs });
    this.#aside.set(reverse, timeNs);
  }

  #pushGap(gap: Gap, out: FramingItem[]): void {
    const { channel, bytes, reason, timeNs } = gap;
    this.#settleOpening(channel, out);
    // on TCP what comes behind it tells
    const known = this.#framerOf(channel);
    const framer = known ?? (isConnection(channel) ? undefined : this.#openLines(channel, true));
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
        : (this.#http.get(channel) ?? this.#openHttp(channel, UNKNOWN_START, out));
    framer.pushSkip(skip, out);
  }

  #pushEnd(end: ChannelEnd, out: FramingItem[]): void {
    const { channel, unreadBytes, timeNs } = end;
    this.#unended.end(end, out);
    this.#settleOpening(channel, out);
    this.#framerOf(channel)?.finish(timeNs, out);
    this.#lines.delete(channel);
    this.#http.delete(channel);
    this.#aside.delete(channel);
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

  #openLines(
    channel: Channel,
    isOpen: boolean,
    Framer: LineFramerClass = ChannelLines,
  ): LineFramer {
    const framer = new Framer(channel, this.#limits.maxBodyBytes, this.#held);
    this.#lines.set(channel, { framer, isOpen });
    return framer;
  }

  /** Lines that the chunk begins, which may begin with a part of one. */
  #openLinesAt({ channel, bytes, position, timeNs }: Chunk, out: FramingItem[]): LineFramer {
    const isOpen = position > 0 || channel.late === true;
    const isDocker = isOpen && isSocket(channel) && startsWithOutput(bytes);
    const lines = this.#openLines(channel, isOpen, isDocker ? DockerStream : ChannelLines);
    const behindGap = { kind: "gap", channel, bytes: 0, reason: "ring_full", timeNs } as const;
    if (position > 0 && isConnection(channel)) lines.pushGap(behindGap, out);
    return lines;
  }

  /** The opposite direction is HTTP, too. */
  #openHttp(channel: Channel, start: HttpStart, out: FramingItem[]): HttpFramer | Http2Framer {
    const { reverse } = channel;
    const make = start.version === 2 ? this.#makerOf2() : this.#makerOf1();
    const framer = make(channel, start.side);
    this.#takeOver(framer, out);
    if (reverse === undefined) return framer;
    const other = this.#http.get(reverse);
    const lines = this.#lines.get(reverse)?.framer;
    const is2 = framer instanceof Http2Framer;
    const isOfOther = other !== undefined && other instanceof Http2Framer !== is2;
    if (isOfOther) other.abandon(out);
    if (other !== undefined && !isOfOther) this.#join(framer, out);
    else if (lines === undefined || mayTurn(reverse, lines)) {
      this.#takeOver(make(reverse, start.side && oppositeOf(start.side)), out);
      framer.connection.isJoined = true;
    }
    return framer;
  }

  /** Both directions go on with something else. Source: RFC 7540, 3.2; Docker Engine API, ContainerAttach. */
  #upgrade(chunk: Chunk, { to, state, from }: Upgrade, out: FramingItem[]): void {
    const { channel } = chunk;
    const { reverse } = channel;
    for (const each of this.#pairOf(channel)) each.abandon(out);
    this.#http.delete(channel);
    if (reverse !== undefined) this.#http.delete(reverse);
    if (to === "stream" && reverse !== undefined) this.#openLines(reverse, false);
    const framer =
      to === "stream"
        ? this.#openLines(channel, false, DockerStream)
        : this.#openHttp(channel, { version: 2, side: "response" }, out);
    if (framer instanceof Http2Framer) framer.goOn(state);
    for (const each of this.#pairOf(channel)) if (each instanceof Http2Framer) each.startHere();
    const rest = { ...chunk, bytes: chunk.bytes.subarray(from), position: chunk.position + from };
    if (rest.bytes.length > 0) this.#hear(framer, rest, out);
  }

  /** What hears the two directions. */
  #pairOf(channel: Channel): readonly (HttpFramer | Http2Framer)[] {
    return [channel, channel.reverse].flatMap((each) => (each && this.#http.get(each)) ?? []);
  }

  #makerOf1() {
    const connection = new HttpConnection(this.#memory);
    return (channel: Channel, side: HttpSide | undefined) =>
      new HttpFramer(channel, connection, side, this.#limits);
  }

  #makerOf2() {
    const connection = new Http2Connection(this.#memory);
    return (channel: Channel, side: HttpSide | undefined) =>
      new Http2Framer(channel, connection, side, this.#limits);
  }

  /** Lines of a channel that turns out to be HTTP are lost: they were parts of bodies. */
  #takeOver(framer: HttpFramer | Http2Framer, out: FramingItem[]): void {
    const { channel } = framer;
    this.#lines.get(channel)?.framer.drop("started_before_attach", out);
    this.#lines.delete(channel);
    this.#http.set(channel, framer);
    const opening = this.#openings.get(channel);
    this.#openings.delete(channel);
    if (opening !== undefined) framer.pushChunk(opening, out);
  }

  #join(framer: HttpFramer | Http2Framer, out: FramingItem[]): void {
    const { reverse } = framer.channel;
    const other = reverse && this.#http.get(reverse);
    if (other === undefined) return;
    const isFirst = framer.side === "request" || other.side === "response";
    const [answers, requests] = isFirst ? [other, framer] : [framer, other];
    if (answers instanceof HttpFramer) {
      if (requests instanceof HttpFramer) answers.join(requests, out);
    } else if (requests instanceof Http2Framer) answers.join(requests);
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

function isUnknown(framer: HttpFramer | Http2Framer): framer is HttpFramer {
  return framer instanceof HttpFramer && framer.side === undefined;
}
