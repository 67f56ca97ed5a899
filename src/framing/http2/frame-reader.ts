/** The bytes of one direction of HTTP/2 in, cut anywhere; what its frames bring out: data, header blocks, ends. */
import type { LossReason } from "../../capture/types.ts";
import { type HeldBytes, PartialLine } from "../partial-line.ts";
import {
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  FRAME_HEADER,
  type FrameHeader,
  HAS_PRIORITY,
  HEADERS,
  isLegal,
  PADDED,
  PUSH_PROMISE,
  RST_STREAM,
  readFrameHeader,
} from "./frame-header.ts";

/** Gets every byte once: as data, or as framing, or as lost. */
export interface FrameTaker {
  /** `bytes[from, to)` is content of the stream. */
  data(stream: number, bytes: Buffer, from: number, to: number): void;
  /** A header block is whole; it is valid during the call only. `isPush`: it is a request that the server makes up. */
  block(stream: number, block: Buffer, isPush: boolean): void;
  /** A block was not read: longer than 64 KiB. */
  lostBlock(stream: number): void;
  /** The sender has no more to say on the stream. */
  endOfStream(stream: number): void;
  /** The sender gives the stream up. */
  reset(stream: number): void;
  framing(bytes: number): void;
  lose(bytes: number, reason: LossReason): void;
}

/** Of a header block as it is sent, all its frames. */
const MAX_BLOCK = 64 * 1024;
const PRIORITY_BYTES = 5;
const PROMISED_BYTES = 4;
const LINE_TOO_LONG = "line_too_long";

interface Block {
  readonly stream: number;
  readonly isPush: boolean;
  readonly isLast: boolean;
}

export class FrameReader {
  readonly #taker: FrameTaker;
  readonly #header = Buffer.alloc(FRAME_HEADER);
  #headerBytes = 0;
  #frame: FrameHeader | undefined;
  /** Bytes of the frame's payload to come. */
  #remaining = 0;
  /** Of a DATA frame: bytes of padding at its end; −1: its first byte will tell. */
  #padding = 0;
  /** The payload under way, where it is needed whole and came in parts. */
  readonly #payload: PartialLine;
  /** The block under way, where it has several frames. */
  readonly #fragments: PartialLine;
  #block: Block | undefined;
  /** It is passed over. */
  #isBlockLost = false;
  /** Bytes of the block that are in no item. */
  #pending = 0;
  #isBroken = false;

  constructor(held: HeldBytes, taker: FrameTaker) {
    this.#taker = taker;
    this.#payload = new PartialLine(held);
    this.#fragments = new PartialLine(held);
  }

  get heldBytes(): number {
    return this.#payload.capacity + this.#fragments.capacity;
  }

  /** What came is no HTTP/2, and both ends will give up: where the next frame begins is unknown. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Takes what is there of a frame; returns the index behind it. */
  take(bytes: Buffer, from: number): number {
    if (this.#frame === undefined) return this.#takeHeader(bytes, from);
    if (this.#frame.type === DATA) return this.#takeData(this.#frame, bytes, from);
    return this.#takePayload(this.#frame, bytes, from);
  }

  /** `bytes` went by unheard: of which stream's content they are. undefined: where frames begin is unknown now. */
  skip(bytes: number): number | undefined {
    const frame = this.#frame;
    if (frame?.type !== DATA || this.#padding < 0) return undefined;
    if (bytes > this.#remaining - this.#padding) return undefined;
    this.#remaining -= bytes;
    if (this.#remaining === 0) this.#endFrame(frame);
    return frame.stream;
  }

  /** What is unfinished is lost for this, or passed over; the next bytes begin a frame. */
  restart(reason: LossReason | undefined): void {
    if (reason === undefined) this.#taker.framing(this.#pending);
    else this.#taker.lose(this.#pending, reason);
    this.#pending = 0;
    this.#frame = undefined;
    this.#headerBytes = 0;
    this.#remaining = 0;
    this.#block = undefined;
    this.#isBlockLost = false;
    this.#isBroken = false;
    this.#payload.clear();
    this.#fragments.clear();
  }

  /** Gives up the block under way, to free its memory. */
  dropBlock(reason: LossReason): void {
    if (this.heldBytes === 0) return;
    this.#loseBlock(reason);
  }

  #takeHeader(bytes: Buffer, from: number): number {
    if (this.#headerBytes === 0 && from + FRAME_HEADER <= bytes.length) {
      this.#taker.framing(FRAME_HEADER);
      this.#begin(readFrameHeader(bytes, from));
      return from + FRAME_HEADER;
    }
    const to = Math.min(bytes.length, from + FRAME_HEADER - this.#headerBytes);
    bytes.copy(this.#header, this.#headerBytes, from, to);
    this.#headerBytes += to - from;
    this.#taker.framing(to - from);
    if (this.#headerBytes === FRAME_HEADER) {
      this.#headerBytes = 0;
      this.#begin(readFrameHeader(this.#header, 0));
    }
    return to;
  }

  #begin(frame: FrameHeader): void {
    const { type, flags, length } = frame;
    const block = this.#block;
    // nothing else may come between the frames of a block: RFC 9113, 6.10
    const isDue = block === undefined || (type === CONTINUATION && frame.stream === block.stream);
    if (!isLegal(frame) || !isDue || (block === undefined && type === CONTINUATION)) {
      this.#isBroken = true;
      return;
    }
    this.#frame = frame;
    this.#remaining = length;
    this.#padding = type === DATA && (flags & PADDED) !== 0 ? -1 : 0;
    if (type === HEADERS || type === PUSH_PROMISE) {
      const isLast = type === HEADERS && (flags & END_STREAM) !== 0;
      this.#block = { stream: frame.stream, isPush: type === PUSH_PROMISE, isLast };
    }
    if (length === 0) this.#endFrame(frame);
  }

  #takeData(frame: FrameHeader, bytes: Buffer, from: number): number {
    let at = from;
    if (this.#padding < 0) {
      this.#padding = bytes[at++] ?? 0;
      this.#remaining -= 1;
      this.#taker.framing(1);
      if (this.#padding > this.#remaining) {
        this.#isBroken = true;
        return at;
      }
    }
    const content = Math.min(bytes.length - at, this.#remaining - this.#padding);
    if (content > 0) {
      this.#taker.data(frame.stream, bytes, at, at + content);
      this.#remaining -= content;
      at += content;
    }
    if (this.#remaining <= this.#padding) {
      const padding = Math.min(bytes.length - at, this.#remaining);
      this.#taker.framing(padding);
      this.#remaining -= padding;
      this.#padding -= padding;
      at += padding;
    }
    if (this.#remaining === 0) this.#endFrame(frame);
    return at;
  }

  #takePayload(frame: FrameHeader, bytes: Buffer, from: number): number {
    const to = Math.min(bytes.length, from + this.#remaining);
    const isWhole = to - from === frame.length;
    this.#remaining -= to - from;
    if (this.#block !== undefined) this.#takeBlockPart(bytes, from, to, isWhole);
    else this.#taker.framing(to - from);
    if (this.#remaining > 0) return to;
    if (this.#block === undefined || this.#isBlockLost) this.#endFrame(frame);
    else if (isWhole) this.#endFrame(frame, bytes.subarray(from, to));
    else this.#endFrame(frame, this.#payload.bytes());
    return to;
  }

  #takeBlockPart(bytes: Buffer, from: number, to: number, isWhole: boolean): void {
    if (this.#isBlockLost) {
      this.#taker.lose(to - from, LINE_TOO_LONG);
      return;
    }
    this.#pending += to - from;
    if (this.#pending > MAX_BLOCK) this.#loseBlock(LINE_TOO_LONG);
    else if (!isWhole) this.#payload.append(bytes, from, to);
  }

  #loseBlock(reason: LossReason): void {
    this.#taker.lose(this.#pending, reason);
    this.#pending = 0;
    this.#payload.clear();
    this.#fragments.clear();
    this.#isBlockLost = this.#block !== undefined;
  }

  /** `payload`: of a frame with a part of a block. */
  #endFrame(frame: FrameHeader, payload?: Buffer): void {
    this.#frame = undefined;
    const { type, flags, stream } = frame;
    if (type === DATA) {
      if ((flags & END_STREAM) !== 0) this.#taker.endOfStream(stream);
    } else if (type === RST_STREAM) this.#taker.reset(stream);
    else if (this.#block !== undefined) this.#endFragment(frame, payload);
  }

  #endFragment(frame: FrameHeader, payload: Buffer | undefined): void {
    const isEnd = (frame.flags & END_HEADERS) !== 0;
    const fragment = payload === undefined ? undefined : fragmentOf(frame, payload);
    if (payload !== undefined && fragment === undefined) {
      this.#isBroken = true;
      return;
    }
    const isOnly = isEnd && this.#fragments.length === 0;
    if (fragment !== undefined && !isOnly) this.#fragments.append(fragment, 0, fragment.length);
    if (!isEnd) this.#payload.clear();
    else this.#endBlock(isOnly && fragment !== undefined ? fragment : this.#fragments.bytes());
  }

  #endBlock(bytes: Buffer): void {
    const block = this.#block;
    if (block === undefined) return;
    const isLost = this.#isBlockLost;
    this.#block = undefined;
    this.#isBlockLost = false;
    this.#taker.framing(this.#pending);
    this.#pending = 0;
    if (isLost) this.#taker.lostBlock(block.stream);
    else this.#taker.block(block.stream, bytes, block.isPush);
    this.#payload.clear();
    this.#fragments.clear();
    if (block.isLast) this.#taker.endOfStream(block.stream);
  }
}

/** The part of the block that a frame's payload holds; undefined: it has none. Source: RFC 9113, 6.2, 6.6 and 6.10. */
function fragmentOf({ type, flags }: FrameHeader, payload: Buffer): Buffer | undefined {
  if (type === CONTINUATION) return payload;
  const isPadded = (flags & PADDED) !== 0;
  let from = isPadded ? 1 : 0;
  if (type === PUSH_PROMISE) from += PROMISED_BYTES;
  else if ((flags & HAS_PRIORITY) !== 0) from += PRIORITY_BYTES;
  const to = payload.length - (isPadded ? (payload[0] ?? 0) : 0);
  return from <= to ? payload.subarray(from, to) : undefined;
}
