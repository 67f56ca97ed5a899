/** The bytes behind a head in, which of them are the body's out: by length, in chunks, or up to the end. */
import type { BodyLength } from "./body-length.ts";

/** Takes a body's bytes; what is no content (chunk lines, trailers) is told apart. */
export interface BodyTaker {
  content(bytes: Buffer, from: number, to: number): void;
  framing(bytes: number): void;
}

/** Longest chunk line, with its extensions, and most bytes of trailers. */
const MAX_CHUNK_LINE = 4 * 1024;
const MAX_TRAILERS = 64 * 1024;
/** Digits of a usual chunk line. */
const MAX_USUAL = 8;
/** RFC 9112, 7.1: white space may stand before an extension, not before the line end. */
const CHUNK_SIZE = /^0*([0-9a-fA-F]{1,13})([ \t]*)$/;
const LF = 0x0a;
const CR = 0x0d;

/** The value of a hexadecimal digit; −1: it is none. */
const HEX = new Int8Array(256).fill(-1);
for (const digit of "0123456789abcdefABCDEF") {
  HEX[digit.charCodeAt(0)] = Number.parseInt(digit, 16);
}

type ChunkState = "size" | "data" | "data-end" | "trailer";

export class BodyFraming {
  #kind: BodyLength["kind"] = "none";
  /** Bytes to come: of the body, or of the current chunk. */
  #remaining = 0;
  #state: ChunkState = "size";
  /** The current chunk line or trailer, as far as it came; no longer than its limit. */
  #line = "";
  #trailerBytes = 0;
  #isDone = true;
  #isBroken = false;
  #isAmbiguous = false;

  get isDone(): boolean {
    return this.#isDone;
  }

  /** Its chunks are none: where it ends is unknown. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Chunk lines were malformed. */
  get isAmbiguous(): boolean {
    return this.#isAmbiguous;
  }

  get isUntilClose(): boolean {
    return this.#kind === "close";
  }

  get isChunked(): boolean {
    return this.#kind === "chunked";
  }

  /** Bytes of content that are sure to come in a row, if the head and the chunk lines say the truth. */
  get remaining(): number {
    return this.#kind === "chunked" && this.#state !== "data" ? 0 : this.#remaining;
  }

  start(length: BodyLength): void {
    this.#kind = length.kind;
    this.#remaining = length.kind === "length" ? length.bytes : 0;
    this.#state = "size";
    this.#line = "";
    this.#trailerBytes = 0;
    this.#isDone = length.kind === "none";
    this.#isBroken = length.kind === "unknown";
    this.#isAmbiguous = length.kind === "unknown";
  }

  /** Gives out what of `bytes[from, …)` is the body's; returns the index behind it. */
  take(bytes: Buffer, from: number, taker: BodyTaker): number {
    if (this.#kind === "chunked") return this.#takeChunks(bytes, from, taker);
    const available = bytes.length - from;
    const taken = this.#kind === "close" ? available : Math.min(available, this.#remaining);
    taker.content(bytes, from, from + taken);
    if (this.#kind === "length") {
      this.#remaining -= taken;
      if (this.#remaining === 0) this.#isDone = true;
    }
    return from + taken;
  }

  /** `bytes` went by unheard. False: where the body ends is unknown now. */
  skip(bytes: number): boolean {
    if (this.#kind === "close") return true;
    if (bytes > this.remaining) return false;
    this.#remaining -= bytes;
    if (this.#remaining === 0) {
      if (this.#kind === "length") this.#isDone = true;
      else this.#state = "data-end";
    }
    return true;
  }

  #takeChunks(bytes: Buffer, from: number, taker: BodyTaker): number {
    let at = from;
    while (at < bytes.length && !this.#isDone && !this.#isBroken) {
      if (this.#state === "data") {
        const to = Math.min(bytes.length, at + this.#remaining);
        this.#remaining -= to - at;
        if (this.#remaining === 0) this.#state = "data-end";
        taker.content(bytes, at, to);
        at = to;
      } else {
        const to = this.#takeUsual(bytes, at) ?? this.#takeLine(bytes, at);
        taker.framing(to - at);
        at = to;
      }
    }
    return at;
  }

  /** A line that came whole and holds no more than it must: nearly all of them. undefined: it is none such. */
  #takeUsual(bytes: Buffer, from: number): number | undefined {
    if (this.#line !== "") return undefined;
    if (this.#state === "size") return this.#takeUsualSize(bytes, from);
    if (bytes[from] !== CR || bytes[from + 1] !== LF) return undefined;
    if (this.#state === "trailer") this.#isDone = true;
    else this.#state = "size";
    return from + 2;
  }

  #takeUsualSize(bytes: Buffer, from: number): number | undefined {
    const limit = Math.min(bytes.length, from + MAX_USUAL);
    let size = 0;
    let at = from;
    for (; at < limit; at++) {
      const digit = HEX[bytes[at] ?? 0] ?? -1;
      if (digit < 0) break;
      size = size * 16 + digit;
    }
    if (at === from || bytes[at] !== CR || bytes[at + 1] !== LF) return undefined;
    this.#startData(size);
    return at + 2;
  }

  #startData(size: number): void {
    this.#remaining = size;
    this.#state = size === 0 ? "trailer" : "data";
  }

  /** A chunk line, the line end behind a chunk, or a trailer; or as much of it as there is. */
  #takeLine(bytes: Buffer, from: number): number {
    const newline = bytes.indexOf(LF, from);
    const to = newline < 0 ? bytes.length : newline + 1;
    const room = MAX_CHUNK_LINE - this.#line.length;
    if (to - from > room && this.#state !== "trailer") {
      this.#break();
      return to;
    }
    this.#line += bytes.toString("latin1", from, Math.min(to, from + room));
    if (this.#state === "trailer") this.#trailerBytes += to - from;
    if (this.#trailerBytes > MAX_TRAILERS) this.#break();
    else if (newline >= 0) this.#endLine();
    return to;
  }

  #endLine(): void {
    const line = this.#line;
    this.#line = "";
    const hasCr = line.charCodeAt(line.length - 2) === CR;
    const end = line.length - (hasCr ? 2 : 1);
    // of a long trailer the end was not kept
    const isWhole = line.length < MAX_CHUNK_LINE;
    if (isWhole && line.indexOf("\r") !== (hasCr ? end : -1)) this.#isAmbiguous = true;
    if (isWhole && !hasCr) this.#isAmbiguous = true;
    if (this.#state === "size") this.#startChunk(line, end);
    else if (this.#state === "trailer") this.#isDone = end <= 0;
    else if (end > 0) this.#break();
    else this.#state = "size";
  }

  #startChunk(line: string, end: number): void {
    const extension = line.indexOf(";");
    const size = CHUNK_SIZE.exec(line.slice(0, extension < 0 ? end : extension));
    if (size === null) {
      this.#break();
      return;
    }
    if (extension < 0 && size[2] !== "") this.#isAmbiguous = true;
    this.#startData(Number.parseInt(size[1] ?? "", 16));
  }

  #break(): void {
    this.#isBroken = true;
    this.#isAmbiguous = true;
    this.#line = "";
  }
}
