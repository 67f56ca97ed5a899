/** Pieces of one text in, the text as one buffer out; copied only when there are several, or it must outlive the push. */
import { type HeldBytes, PartialLine } from "./partial-line.ts";

const NOTHING = Buffer.alloc(0);

/**
 * Most bodies and events come whole in one read: then they are looked at where they lie. Whoever appends must call `keep`
 * before the bytes that were appended become invalid, at the end of the push.
 */
export class Pieces {
  readonly #copy: PartialLine;
  #view: Buffer = NOTHING;

  constructor(held: HeldBytes) {
    this.#copy = new PartialLine(held);
  }

  get length(): number {
    return this.#view.length + this.#copy.length;
  }

  /** Bytes of memory that the copy takes. */
  get capacity(): number {
    return this.#copy.capacity;
  }

  append(bytes: Buffer, from: number, to: number): void {
    if (from === to) return;
    if (this.length === 0) {
      this.#view = bytes.subarray(from, to);
      return;
    }
    this.keep();
    this.#copy.append(bytes, from, to);
  }

  /** Copies what is still a view. */
  keep(): void {
    if (this.#view.length === 0) return;
    this.#copy.append(this.#view, 0, this.#view.length);
    this.#view = NOTHING;
  }

  /** All of it; valid until the next call that changes it. */
  bytes(): Buffer {
    return this.#view.length > 0 ? this.#view : this.#copy.bytes();
  }

  clear(): void {
    this.#view = NOTHING;
    this.#copy.clear();
  }
}
