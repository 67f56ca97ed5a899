/** Pieces of one unfinished line in, the whole line as one buffer out. */

/** Bytes held by all partial lines of a stage. */
export interface HeldBytes {
  total: number;
}

/**
 * A growing buffer: every byte is copied a constant number of times, however small the pieces are.
 * Memory is given back at once, not when the garbage collector finds it: a few long lines would
 * otherwise leave several times their size behind.
 */
export class PartialLine {
  readonly #held: HeldBytes;
  #memory = new ArrayBuffer(0);
  #length = 0;

  constructor(held: HeldBytes) {
    this.#held = held;
  }

  get length(): number {
    return this.#length;
  }

  /** Bytes of memory, which may be twice the length. */
  get capacity(): number {
    return this.#memory.byteLength;
  }

  /** Copies `bytes[from, to)` behind what is held. */
  append(bytes: Buffer, from: number, to: number): void {
    const length = this.#length + to - from;
    if (length > this.capacity) this.#resize(Math.max(length, this.#length * 2));
    bytes.copy(Buffer.from(this.#memory), this.#length, from, to);
    this.#length = length;
  }

  /** The bytes held; valid until the next `append` or `clear`. */
  bytes(): Buffer {
    return Buffer.from(this.#memory, 0, this.#length);
  }

  clear(): void {
    if (this.capacity > 0) this.#resize(0);
    this.#length = 0;
  }

  #resize(capacity: number): void {
    this.#held.total += capacity - this.capacity;
    this.#memory = this.#memory.transfer(capacity);
  }
}
