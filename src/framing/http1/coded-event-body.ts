/** The content of a compressed event stream in, a frame per event out. */
import type { LossReason } from "../../capture/types.ts";
import { Pieces } from "../pieces.ts";
import { EventParser, type EventTaker, type ServerEvent } from "../sse/event-parser.ts";
import type { Body, BodyContext, BodySubject } from "./body.ts";
import { decodeContent } from "./content-coding.ts";
import { DeflateSegments } from "./deflate-segments.ts";
import { EventFrames } from "./event-body.ts";
import type { ExchangeState } from "./exchange-state.ts";

/** Bytes that may be decoded again and again before it is done only when the stream has doubled. */
const MAX_WORK = 16 * 1024 * 1024;
/** What a byte of a segment that is done with gives back of it. */
const REGAINED = 32;
/** What a byte that cannot be decoded may have cost: what deflate makes of it at most. */
const WORK_OF_FAILURE = 1024;
const DEFLATE: ReadonlySet<string> = new Set(["gzip", "x-gzip", "deflate"]);

/**
 * Bun has no synchronous decoder that goes on where it stopped, only one for a whole body, which also takes a body that
 * is not whole yet (but for zstd). So what is there is decoded from its start at each read, as long as that is cheap, then
 * whenever its length has doubled, and at its end. Of gzip and deflate the start is the last flush (see `DeflateSegments`),
 * of all others that of the stream: long ones are told late. The first event that a read completes carries all bytes since
 * the event before; the others 0.
 */
export class CodedEventBody implements Body, EventTaker {
  readonly #context: BodyContext;
  readonly #exchange: ExchangeState;
  readonly #codings: readonly string[];
  readonly #frames: EventFrames;
  readonly #parser: EventParser;
  /** What came since the last segment. */
  readonly #pieces: Pieces;
  /** undefined: of other codings. */
  readonly #segments: DeflateSegments | undefined;
  /** Plain bytes of `#pieces` that the parser has had. */
  #parsed = 0;
  /** Bytes of the stream that are in no item. */
  #pending = 0;
  #work = 0;
  #decodedLength = 0;
  #reason: LossReason | undefined;
  #isNoise = false;
  #endPosition = 0;

  constructor(context: BodyContext, { state, codings }: BodySubject) {
    const [coding = "", ...others] = codings;
    const isDeflate = others.length === 0 && DEFLATE.has(coding);
    this.#segments = isDeflate ? new DeflateSegments(coding, context.held) : undefined;
    this.#context = context;
    this.#exchange = state;
    this.#codings = codings;
    this.#frames = new EventFrames(context, state);
    this.#parser = new EventParser(context.maxBytes, context.held, this);
    this.#pieces = new Pieces(context.held);
  }

  get heldBytes(): number {
    const window = this.#segments?.heldBytes ?? 0;
    return this.#pieces.capacity + this.#parser.heldBytes + window;
  }

  take(bytes: Buffer, from: number, to: number, position: number): void {
    const { items, maxBytes } = this.#context;
    if (this.#isNoise) items.noise(to - from);
    else if (this.#reason !== undefined) items.lose(to - from, this.#reason);
    else {
      this.#endPosition = position + to;
      this.#pending += to - from;
      this.#pieces.append(bytes, from, to);
      if (this.#pieces.length > maxBytes) this.cut("line_too_long");
    }
  }

  keep(): void {
    this.#pieces.keep();
    const { length } = this.#pieces;
    const isCheap = this.#work < MAX_WORK || length >= 2 * this.#decodedLength;
    if (length > this.#decodedLength && isCheap) {
      this.#takeSegment();
      this.#decode(true);
    }
    this.#parser.keep();
  }

  /** What follows a hole cannot be decoded. */
  cut(reason: LossReason): void {
    if (this.#isNoise) return;
    this.#context.items.lose(this.#pending, reason);
    this.#pending = 0;
    this.#reason = reason;
    this.#exchange.isLost = true;
    this.#clear();
    this.#parser.end(reason);
  }

  end(reason: LossReason | undefined): void {
    const isOpen = this.#reason === undefined && !this.#isNoise;
    // a stream may end without its last block
    if (isOpen) this.#decode(reason !== undefined || this.#segments !== undefined);
    this.#context.items.spend(this.#pending, reason);
    this.#pending = 0;
    this.#clear();
    this.#parser.end("unfinished_line");
  }

  event(event: ServerEvent): void {
    const placed = { ...event, endPosition: this.#endPosition };
    if (this.#frames.give(placed, this.#pending)) this.#pending = 0;
  }

  // its bytes are those of the plain text, which nobody sent

  noise(): void {}

  lost(): void {}

  /** What was flushed need not be decoded again. */
  #takeSegment(): void {
    const segments = this.#segments;
    if (segments === undefined) return;
    const bytes = this.#pieces.bytes();
    const end = segments.endOfSegment(bytes, this.#decodedLength);
    if (end < 0) return;
    const segment = segments.take(bytes, end, this.#context.maxBytes);
    if (segment === undefined) {
      this.#work += WORK_OF_FAILURE * end;
      return;
    }
    this.#work = Math.max(0, this.#work - REGAINED * end);
    this.#parse(segment.plain);
    this.#parsed = 0;
    this.#decodedLength = 0;
    const rest = Buffer.from(bytes.subarray(end));
    this.#pieces.clear();
    this.#pieces.append(rest, 0, rest.length);
    this.#pieces.keep();
  }

  #decode(isPart: boolean): void {
    const { length } = this.#pieces;
    if (length === 0) return;
    this.#decodedLength = length;
    const { maxBytes } = this.#context;
    const source = this.#segments?.hasBegun === true ? this.#segments : undefined;
    const plain = decodeContent(this.#pieces.bytes(), this.#codings, maxBytes, isPart, source);
    if (plain === "too_long") this.cut("line_too_long");
    else if (plain === "bad") this.#fail(isPart);
    else {
      this.#work += plain.length;
      this.#parse(plain);
    }
  }

  /** A part of zstd is no stream; of all other codings what is wrong stays wrong. */
  #fail(isPart: boolean): void {
    this.#work += WORK_OF_FAILURE * this.#pieces.length;
    if (isPart && this.#codings.includes("zstd")) return;
    this.#isNoise = true;
    this.#context.items.noise(this.#pending);
    this.#pending = 0;
    this.#clear();
  }

  #parse(plain: Buffer): void {
    const from = Math.min(this.#parsed, plain.length);
    this.#parsed = plain.length;
    this.#parser.take(plain, from, plain.length, 0);
    this.#parser.keep();
  }

  #clear(): void {
    this.#pieces.clear();
    this.#segments?.clear();
  }
}
