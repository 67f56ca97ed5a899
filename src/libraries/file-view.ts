/** Places in a file in; numbers, texts and the places of byte strings out. Holds at most some windows of it. */
import type { ReadAt } from "./types.ts";

/** Bytes read at once for numbers. */
const PAGE = 64 * 1024;
/** Bytes read at once when all of a range is looked at; fits a processor's second cache. */
const WINDOW = 1024 * 1024;
/** Most bytes that one call gives. */
const MAX_BYTES = 64 * 1024 * 1024;

/** What lies beyond the end of the file reads as zeros, or is not there. */
export class FileView {
  readonly size: number;
  readonly #readAt: ReadAt;
  readonly #page = Buffer.alloc(PAGE);
  #pageAt = -1;
  #pageBytes = 0;
  #window: Buffer | undefined;

  /** `size` in bytes. */
  constructor(readAt: ReadAt, size: number) {
    this.#readAt = readAt;
    this.size = size;
  }

  u8(at: number): number {
    const offset = this.#seek(at, 1);
    return offset < 0 ? 0 : this.#page.readUInt8(offset);
  }

  u16(at: number): number {
    const offset = this.#seek(at, 2);
    return offset < 0 ? 0 : this.#page.readUInt16LE(offset);
  }

  u32(at: number): number {
    const offset = this.#seek(at, 4);
    return offset < 0 ? 0 : this.#page.readUInt32LE(offset);
  }

  /** Exact below 2^53; larger ones are larger than any place in a file, and rounded. */
  u64(at: number): number {
    const offset = this.#seek(at, 8);
    if (offset < 0) return 0;
    return this.#page.readUInt32LE(offset + 4) * 2 ** 32 + this.#page.readUInt32LE(offset);
  }

  /** A copy of `[at, at + length)`, shorter where the file ends; empty where more than 64 MiB are asked for. */
  bytes(at: number, length: number): Buffer {
    if (!(at >= 0 && at < this.size && length > 0 && length <= MAX_BYTES)) return Buffer.alloc(0);
    const bytes = Buffer.alloc(Math.min(length, this.size - at));
    return bytes.subarray(0, this.#fill(bytes, at));
  }

  /** The text that ends with a NUL at most `maxBytes` after `at`. undefined: there is none. */
  text(at: number, maxBytes: number): string | undefined {
    const bytes = this.bytes(at, maxBytes + 1);
    const end = bytes.indexOf(0);
    return end < 0 ? undefined : bytes.toString("latin1", 0, end);
  }

  /**
   * Shows `[from, to)` in windows, each of which begins with the last `overlap` bytes of the one before. The windows
   * begin at multiples of 4 bytes after `from`, and are good until `visit` returns, which stops all by giving true.
   */
  scan(
    from: number,
    to: number,
    overlap: number,
    visit: (window: Buffer, at: number) => boolean | undefined,
  ): void {
    this.#window ??= Buffer.alloc(WINDOW);
    const end = Math.min(to, this.size);
    const step = WINDOW - Math.ceil(overlap / 4) * 4;
    for (let at = Math.max(from, 0); at < end; at += step) {
      const wanted = this.#window.subarray(0, Math.min(WINDOW, end - at));
      const count = this.#fill(wanted, at);
      if (visit(wanted.subarray(0, count), at) || at + count >= end || count < wanted.length)
        return;
    }
  }

  /** The places in `[from, to)` at which `needle` lies whole, `limit` at most. */
  findAll(needle: Buffer, from: number, to: number, limit: number): number[] {
    const found: number[] = [];
    this.scan(from, to, needle.length - 1, (window, at) => {
      for (let i = window.indexOf(needle); i >= 0; i = window.indexOf(needle, i + 1)) {
        if (found.at(-1) !== at + i) found.push(at + i);
        if (found.length >= limit) return true;
      }
      return undefined;
    });
    return found;
  }

  /** Reads until `into` is full or the file ends. */
  #fill(into: Buffer, at: number): number {
    let filled = 0;
    while (filled < into.length) {
      const count = this.#readAt(filled === 0 ? into : into.subarray(filled), at + filled);
      if (!(count > 0)) break;
      filled += Math.min(count, into.length - filled);
    }
    return filled;
  }

  /** Where in the page the `length` bytes from `at` on are. -1: the file has them not. */
  #seek(at: number, length: number): number {
    if (!(at >= 0 && at + length <= this.size)) return -1;
    let offset = at - this.#pageAt;
    if (this.#pageAt < 0 || offset < 0 || offset + length > this.#pageBytes) {
      this.#pageAt = at;
      this.#pageBytes = this.#fill(this.#page, at);
      offset = 0;
    }
    return offset + length <= this.#pageBytes ? offset : -1;
  }
}
