/** Pieces of one unfinished line in, the whole line as one buffer out. */

/** Bytes held by all partial lines of a stage. */
export interface HeldBytes {
  total: number;
}

/** A growing buffer: every byte is copied a constant number of times, however small the pieces are. */
export class PartialLine {
  readonly #held: HeldBytes;
  #buffer: Buffer | undefined;
  #length = 0;

  constructor(held: HeldBytes) {
    this.#held = held;
  }

  get length(): number {
    return this.#length;
  }

  /** Bytes of memory, which may be twice the length. */
  get capacity(): number {
    return this.#buffer?.length ?? 0;
  }

  /** Copies `bytes[from, to)` behind what is held. */
  append(bytes: Buffer, from: number, to: number): void {
    const length = this.#length + to - from;
    let buffer = this.#buffer;
    if (buffer === undefined || buffer.length < length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(length, this.#length * 2));
      buffer?.copy(grown, 0, 0, this.#length);
      this.#held.total += grown.length - this.capacity;
      this.#buffer = buffer = grown;
    }
    bytes.copy(buffer, this.#length, from, to);
    this.#length = length;
  }

  /** The bytes held; valid until the next `append`. */
  bytes(): Buffer {
    return this.#buffer === undefined ? EMPTY : this.#buffer.subarray(0, this.#length);
  }

  clear(): void {
    this.#held.total -= this.capacity;
    this.#buffer = undefined;
    this.#length = 0;
  }
}

const EMPTY = Buffer.alloc(0);
