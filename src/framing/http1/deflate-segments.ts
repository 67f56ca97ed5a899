/** A growing gzip or deflate stream in, its text out in segments, none of which is decoded again when it is whole. */
// Pure computation: the synchronous calls do no I/O.
import { constants, inflateRawSync } from "node:zlib";
import { type HeldBytes, PartialLine } from "../partial-line.ts";

/** How far back deflate refers. Source: RFC 1951, 2. */
const WINDOW = 32 * 1024;
/** What a server writes when an event is to be sent at once: an empty stored block, up to a whole byte. */
const FLUSHED = Buffer.of(0x00, 0x00, 0xff, 0xff);
/** Behind a flush a block begins: the last one, stored, with a mark that shows that it was read. Source: RFC 1951, 3.2.4. */
const MARK = Buffer.from("overhear");
const LAST_BLOCK = Buffer.concat([Buffer.of(0x01, 0x08, 0x00, 0xf7, 0xff), MARK]);
const GZIP_HEADER = 10;
const ZLIB_HEADER = 2;

/** Text of the first `taken` bytes, which are done with. */
export interface Segment {
  readonly plain: Buffer;
  readonly taken: number;
}

/** Behind a flush nothing but the last 32 KiB of the text matters: they are the dictionary for what follows. */
export class DeflateSegments {
  readonly #coding: string;
  readonly #history: PartialLine;
  #hasBegun = false;

  /** `coding`: "gzip", "x-gzip" or "deflate". */
  constructor(coding: string, held: HeldBytes) {
    this.#coding = coding;
    this.#history = new PartialLine(held);
  }

  get heldBytes(): number {
    return this.#history.capacity;
  }

  /** A segment was taken: the stream goes on without its header. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  clear(): void {
    this.#history.clear();
  }

  /** Index behind the last flush in `bytes[searched, …)`; −1: there is none. */
  endOfSegment(bytes: Buffer, searched: number): number {
    const from = Math.max(0, searched - FLUSHED.length + 1);
    const at = bytes.subarray(from).lastIndexOf(FLUSHED);
    return at < 0 ? -1 : from + at + FLUSHED.length;
  }

  /**
   * Takes `bytes[0, end)` if a flush ends there: four such bytes may also be a part of something else, behind which the last
   * block is none. undefined: it is no segment, or longer than `maxBytes`.
   */
  take(bytes: Buffer, end: number, maxBytes: number): Segment | undefined {
    const from = this.#hasBegun ? 0 : headerLength(bytes, this.#coding);
    if (from < 0 || from > end) return undefined;
    const whole = Buffer.concat([bytes.subarray(from, end), LAST_BLOCK]);
    try {
      const marked = this.#inflate(whole, constants.Z_FINISH, maxBytes);
      const plain = marked.subarray(0, Math.max(0, marked.length - MARK.length));
      // the stream may have had its own last block
      if (!marked.subarray(plain.length).equals(MARK)) return undefined;
      this.#remember(plain);
      this.#hasBegun = true;
      return { plain, taken: end };
    } catch {
      return undefined;
    }
  }

  /** The text of what follows the segments; throws as `inflateRawSync` does. */
  rest(bytes: Buffer, maxBytes: number, isPart: boolean): Buffer {
    return this.#inflate(bytes, isPart ? constants.Z_SYNC_FLUSH : constants.Z_FINISH, maxBytes);
  }

  #inflate(bytes: Buffer, finishFlush: number, maxOutputLength: number): Buffer {
    const options = { finishFlush, maxOutputLength };
    if (this.#history.length === 0) return inflateRawSync(bytes, options);
    return inflateRawSync(bytes, { ...options, dictionary: this.#history.bytes() });
  }

  #remember(plain: Buffer): void {
    const kept = Math.max(0, Math.min(this.#history.length, WINDOW - plain.length));
    const before = Buffer.from(this.#history.bytes().subarray(this.#history.length - kept));
    this.#history.clear();
    this.#history.append(before, 0, before.length);
    this.#history.append(plain, Math.max(0, plain.length - WINDOW), plain.length);
  }
}

/** −1: there is none, or one with what hardly anybody sends. Source: RFC 1952, 2.3; RFC 1950, 2.2. */
function headerLength(bytes: Buffer, coding: string): number {
  if (coding === "deflate") {
    if ((bytes[0] ?? 0) % 16 !== 8) return 0;
    const hasDictionary = ((bytes[1] ?? 0) & 0x20) !== 0;
    return hasDictionary ? -1 : ZLIB_HEADER;
  }
  const isUsual = bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 8 && bytes[3] === 0;
  return isUsual ? GZIP_HEADER : -1;
}
