/** The bytes of a head in, cut anywhere, where it ends out; what came in pieces is gathered. */
import { type HeldBytes, PartialLine } from "../partial-line.ts";

const MAX_HEAD = 64 * 1024;
/** An empty line, whatever ended the line before it. */
const EMPTY_LINE = Buffer.from("\n\r\n");
const BARE_EMPTY_LINE = Buffer.from("\n\n");
const FIRST_STRETCH = 2048;

/**
 * `text`: the head is whole, and `taken` bytes more are its own. "more": all bytes are its own so far. "too_long": it
 * has no end within 64 KiB.
 */
export type HeadEnd =
  | {
      readonly kind: "whole";
      readonly text: string;
      readonly bytes: number;
      readonly taken: number;
    }
  | { readonly kind: "more" | "too_long" };

const MORE: HeadEnd = { kind: "more" };
const TOO_LONG: HeadEnd = { kind: "too_long" };

export class HeadBuffer {
  readonly #partial: PartialLine;
  /** Bytes of the part in which there is no empty line. */
  #searched = 0;

  constructor(held: HeldBytes) {
    this.#partial = new PartialLine(held);
  }

  get length(): number {
    return this.#partial.length;
  }

  get heldBytes(): number {
    return this.#partial.capacity;
  }

  /** The part that is there. */
  bytes(): Buffer {
    return this.#partial.bytes();
  }

  take(bytes: Buffer, from: number): HeadEnd {
    if (this.#partial.length === 0) {
      const end = endOfHead(bytes, from);
      if (end >= 0) return this.#whole(bytes, from, end, end - from);
    }
    const before = this.#partial.length;
    const to = Math.min(bytes.length, from + MAX_HEAD + 1 - before);
    this.#partial.append(bytes, from, to);
    const part = this.#partial.bytes();
    const end = endOfHead(part, Math.max(0, this.#searched - 2));
    if (end >= 0) return this.#whole(part, 0, end, end - before);
    this.#searched = part.length;
    return part.length > MAX_HEAD ? TOO_LONG : MORE;
  }

  clear(): void {
    this.#partial.clear();
    this.#searched = 0;
  }

  #whole(bytes: Buffer, from: number, end: number, taken: number): HeadEnd {
    if (end - from > MAX_HEAD) return TOO_LONG;
    const text = bytes.toString("latin1", from, end);
    this.clear();
    return { kind: "whole", text, bytes: text.length, taken };
  }
}

/**
 * Index behind the first empty line, looked for from `at` on; −1: there is none. Looks through a stretch at a time, four
 * times as far as before, for both: however many heads there are in a read, none makes it look through all the others.
 */
function endOfHead(bytes: Buffer, at: number): number {
  for (let size = FIRST_STRETCH; ; size *= 4) {
    const stretch = bytes.subarray(at, at + size);
    const usual = stretch.indexOf(EMPTY_LINE);
    const bare = stretch.indexOf(BARE_EMPTY_LINE);
    if (bare >= 0 && (usual < 0 || bare < usual)) return at + bare + 2;
    if (usual >= 0) return at + usual + 3;
    if (at + size >= bytes.length) return -1;
  }
}
