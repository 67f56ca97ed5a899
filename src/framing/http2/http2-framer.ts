/** The bytes of one direction of an HTTP/2 connection in; JSON bodies, events and what became of exchanges out. */
import type { Channel, LossReason } from "../../capture/types.ts";
import type { Chunk, Gap, Skip } from "../../stream/types.ts";
import type { ChannelFramer } from "../channel-framer.ts";
import type { HttpLimits } from "../http1/body.ts";
import type { HttpSide } from "../http1/connection.ts";
import { DirectionItems } from "../http1/direction-items.ts";
import type { ExchangeState } from "../http1/exchange-state.ts";
import type { FramingItem } from "../types.ts";
import type { Http2Connection } from "./connection.ts";
import { PREFACE, readFirstFrame, startsWithFrames } from "./frame-header.ts";
import { FrameReader } from "./frame-reader.ts";
import { Streams } from "./streams.ts";

/** Bytes without a frame after which a channel of which nothing is known is set aside. */
const MAX_SOUGHT = 64 * 1024;

/**
 * Requests and answers belong together by the number of their stream. A direction that began unheard is taken up where a
 * read begins with a frame; what its heads say is then known as far as its header table is, and the data of a stream whose
 * head went by unheard is looked at as it is.
 * Source: RFC 9113.
 */
export class Http2Framer implements ChannelFramer {
  readonly channel: Channel;
  readonly #items: DirectionItems;
  readonly #frames: FrameReader;
  readonly #streams: Streams;
  #hasBegun = false;
  #startsHere = false;
  /** So much of the preface has come, while there is more to come. */
  #prefaceBytes = 0;
  /** Where the next frame begins is unknown. */
  #isSeeking = false;
  /** Why what is passed over meanwhile is lost; undefined: it is noise. */
  #seekReason: LossReason | undefined;
  #sought = 0;

  /** `side`: undefined, its first head tells. */
  constructor(
    channel: Channel,
    connection: Http2Connection,
    side: HttpSide | undefined,
    limits: HttpLimits,
  ) {
    this.channel = channel;
    this.#items = new DirectionItems(channel);
    this.#streams = new Streams(channel, connection, this.#items, limits);
    this.#frames = new FrameReader(limits.held, this.#streams);
    if (side !== undefined) this.#streams.learnSide(side);
  }

  get side(): HttpSide | undefined {
    return this.#streams.side;
  }

  get connection(): Http2Connection {
    return this.#streams.connection;
  }

  get heldBytes(): number {
    return this.#ownBytes + this.connection.heldBytes;
  }

  get isHopeless(): boolean {
    return this.connection.isHopeless || (this.side === undefined && this.#sought > MAX_SOUGHT);
  }

  /** HTTP/1 went before: its first byte is the next one. */
  startHere(): void {
    this.#startsHere = true;
  }

  /** Stream 1 is the answer to a request of HTTP/1 that asked for HTTP/2. Source: RFC 7540, 3.2. */
  goOn(state: ExchangeState): void {
    this.connection.ask(1, state, this.#items);
  }

  /** The two directions were not known to belong together: `other` is that of the requests. */
  join(other: Http2Framer): void {
    this.connection.absorb(other.connection);
    other.#streams.connection = this.connection;
  }

  pushChunk(chunk: Chunk, out: FramingItem[]): void {
    const { bytes, position } = chunk;
    this.#items.beginChunk(chunk, out);
    this.#streams.begin(position);
    let at = this.#begin(bytes, position);
    while (at < bytes.length) at = this.#take(bytes, at);
    this.#streams.keep();
    this.#items.flush();
  }

  pushGap(gap: Gap, out: FramingItem[]): void {
    const { channel, bytes, reason, timeNs } = gap;
    this.#items.begin(timeNs, out);
    this.#miss(bytes);
    this.#items.flush();
    if (bytes > 0) out.push({ kind: "loss", channel, bytes, reason, timeNs });
  }

  pushSkip({ channel, bytes, timeNs }: Skip, out: FramingItem[]): void {
    this.#items.begin(timeNs, out);
    this.#miss(bytes);
    this.#items.flush();
    if (bytes > 0) out.push({ kind: "noise", channel, bytes, of: "skipped" });
  }

  drop(reason: LossReason, out: FramingItem[]): void {
    if (this.heldBytes === 0) return;
    this.#items.begin(this.#items.timeNs, out);
    if (this.connection.heldBytes > this.#ownBytes) this.connection.forgetAll(this.#items);
    this.#frames.dropBlock(reason);
    this.#streams.drop(reason);
    this.#items.flush();
  }

  abandon(out: FramingItem[]): void {
    this.finish(undefined, out);
  }

  finish(timeNs: number | undefined, out: FramingItem[]): void {
    this.#items.begin(timeNs ?? this.#items.timeNs, out);
    this.#frames.restart(undefined);
    this.#streams.end();
    if (timeNs === undefined) this.connection.abandon();
    else this.connection.end(this.side, this.#items);
    this.#isSeeking = true;
    this.#items.flush();
  }

  get #ownBytes(): number {
    return this.#frames.heldBytes + this.#streams.heldBytes;
  }

  /** Index behind what there is of the preface, or 0. */
  #begin(bytes: Buffer, position: number): number {
    const isFirst = !this.#hasBegun;
    this.#hasBegun = true;
    if (this.#prefaceBytes > 0) return this.#takePreface(bytes);
    if (!isFirst && !this.#isSeeking) return 0;
    if (readFirstFrame(bytes) === "request") return this.#takePreface(bytes);
    const isLate = !this.#startsHere && (position > 0 || this.channel.late === true);
    if (isFirst && isLate) this.#seek(position > 0 ? "cut_by_gap" : "started_before_attach");
    if (this.#isSeeking && startsWithFrames(bytes)) this.#isSeeking = false;
    if (!isFirst || isLate) return 0;
    this.#streams.table.begin();
    return this.#takePreface(bytes);
  }

  /** Index behind what there is of it; 0: it is none. */
  #takePreface(bytes: Buffer): number {
    const from = this.#prefaceBytes;
    const length = Math.min(bytes.length, PREFACE.length - from);
    this.#prefaceBytes = 0;
    if (bytes.compare(PREFACE, from, from + length, 0, length) !== 0) return 0;
    this.#items.noise(length);
    if (from + length < PREFACE.length) {
      this.#prefaceBytes = from + length;
      return length;
    }
    this.#isSeeking = false;
    this.#streams.table.begin();
    if (this.side === undefined) this.#streams.learnSide("request");
    return length;
  }

  #take(bytes: Buffer, at: number): number {
    if (this.#isSeeking) {
      const left = bytes.length - at;
      this.#items.spend(left, this.#seekReason);
      this.#sought += left;
      this.connection.passBody(left);
      return bytes.length;
    }
    const next = this.#frames.take(bytes, at);
    if (this.#frames.isBroken) {
      this.#frames.restart(undefined);
      this.#streams.miss();
      this.#seek(undefined);
    }
    return next;
  }

  #miss(bytes: number): void {
    this.#hasBegun = true;
    this.#prefaceBytes = 0;
    const stream = this.#isSeeking ? undefined : this.#frames.skip(bytes);
    if (stream === undefined) this.#frames.restart("cut_by_gap");
    this.#streams.miss(stream);
    if (stream === undefined) this.#seek("cut_by_gap");
  }

  #seek(reason: LossReason | undefined): void {
    this.#isSeeking = true;
    this.#seekReason = reason;
    this.#streams.doubt = reason ?? "cut_by_gap";
  }
}
