/** Pieces of one unfinished line or body in, the whole as one buffer out. */

/** Bytes held by all partial lines of a stage. */
export interface HeldBytes {
  total: number;
}

const NOTHING = Buffer.alloc(0);

/**
 * A growing buffer: every byte is copied a constant number of times, however small the pieces are.
 * Memory is given back at once, not when the garbage collector finds it: a few long lines would
 * otherwise leave several times their size behind.
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
    this.#held.total -= this.#memory.byteLength;
    this.#memory.transfer(0);
    this.#memory = undefined;
    this.#length = 0;
  }

  /** Memory for `length` bytes. */
  #reserve(length: number): ArrayBuffer {
    const memory = this.#memory;
    if (memory !== undefined && length <= memory.byteLength) return memory;
    const capacity = Math.max(length, this.#length * 2);
    this.#held.total += capacity - (memory?.byteLength ?? 0);
    const grown = memory?.transfer(capacity) ?? new ArrayBuffer(capacity);
    this.#memory = grown;
    return grown;
  }
}
