/** Pieces of one unfinished line or body in, the whole as one buffer out. */

/** Bytes held by all partial lines of a stage. */
export interface HeldBytes {
  total: number;
  /** Memory of the last line, for the next one; not in the total. */
  spare?: ArrayBuffer | undefined;
}

const NOTHING = Buffer.alloc(0);
/** A line of a megabyte that found its memory anew each time paid for it with half of its time: page faults, and growing. */
const MAX_SPARE_BYTES = 4 << 20;
/** Less is made as fast. */
const MIN_SPARE_BYTES = 64 << 10;
/** A line that has so many may get longer. */
const LONG_BYTES = 16 << 10;

/**
 * A growing buffer: every byte is copied a constant number of times, however small the pieces are.
 * Memory is given back at once, not when the garbage collector finds it: a few long lines would
 * otherwise leave several times their size behind. One of up to 4 MiB is kept for the next line.
 */
export class PartialLine {
  readonly #held: HeldBytes;
  /** undefined: none yet; most bodies and events come whole and need none. */
  #memory: ArrayBuffer | undefined;
  #length = 0;

  constructor(held: HeldBytes) {
    this.#held = held;
  }

  get length(): number {
    return this.#length;
  }

  /** Bytes of memory, which may be twice the length. */
  get capacity(): number {
    return this.#memory?.byteLength ?? 0;
  }

  /** Copies `bytes[from, to)` behind what is held. */
  append(bytes: Buffer, from: number, to: number): void {
    const length = this.#length + to - from;
    const memory = this.#reserve(length);
    bytes.copy(Buffer.from(memory), this.#length, from, to);
    this.#length = length;
  }

  /** The bytes held; valid until the next `append` or `clear`. */
  bytes(): Buffer {
    return this.#memory === undefined ? NOTHING : Buffer.from(this.#memory, 0, this.#length);
  }

  /** Forgets the first bytes. */
  skip(bytes: number): void {
    if (bytes === this.#length) this.clear();
    else {
      this.bytes().copyWithin(0, bytes);
      this.#length -= bytes;
    }
  }

  clear(): void {
    if (this.#memory === undefined) return;
    const { byteLength } = this.#memory;
    this.#held.total -= byteLength;
    const spareBytes = this.#held.spare?.byteLength ?? MIN_SPARE_BYTES;
    if (byteLength <= spareBytes || byteLength > MAX_SPARE_BYTES) this.#memory.transfer(0);
    else {
      this.#held.spare?.transfer(0);
      this.#held.spare = this.#memory;
    }
    this.#memory = undefined;
    this.#length = 0;
  }

  /** Memory for `length` bytes. */
  #reserve(length: number): ArrayBuffer {
    const memory = this.#memory;
    if (memory !== undefined && length <= memory.byteLength) return memory;
    this.#held.total -= this.capacity;
    const capacity = Math.max(length, this.#length * 2);
    const spare = this.#takeSpare(capacity);
    const grown = spare ?? memory?.transfer(capacity) ?? new ArrayBuffer(capacity);
    if (spare !== undefined && memory !== undefined) {
      new Uint8Array(spare).set(new Uint8Array(memory, 0, this.#length));
      memory.transfer(0);
    }
    this.#held.total += grown.byteLength;
    this.#memory = grown;
    return grown;
  }

  /** A short line leaves it to a long one. */
  #takeSpare(capacity: number): ArrayBuffer | undefined {
    const { spare } = this.#held;
    if (capacity < LONG_BYTES || capacity > (spare?.byteLength ?? 0)) return undefined;
    this.#held.spare = undefined;
    return spare;
  }
}
