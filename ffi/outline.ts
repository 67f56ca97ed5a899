/** The text of a long message in, its outline out (outline.c). */
import { type Pointer, ptr } from "bun:ffi";
import { shim } from "./shim.ts";

/** As `member_names` in outline.c. */
const MEMBERS = { jsonrpc: 0, id: 1, method: 2, params: 3, result: 4, error: 5 } as const;
type Member = keyof typeof MEMBERS;

const MAX_CUTS = 256;
/** Of `struct outline`, in words. */
const OTHERS = 12;
const IS_LINE_SAFE = OTHERS + 1;
const CUT_COUNT = OTHERS + 2;
const CUTS = OTHERS + 4;
const WORDS = CUTS + 2 * MAX_CUTS;

/** outline.c writes a few bytes behind the text. */
const ROOM_BEHIND = 16;
/** A UTF-16 unit takes three bytes at most. */
const MOST_BYTES_PER_UNIT = 3;
const FIRST_UNITS = 1 << 16;
/** Memory for a longer text is given back at once. */
const KEPT_UNITS = 1 << 21;
/** A longer text is not copied for this. */
const MOST_UNITS = 1 << 24;

type Read = (bytes: Buffer, length: number, words: Pointer) => number;

/** Once for all; never called where the shim cannot be loaded, as a replay may find it: all texts are read otherwise there. */
let loaded: Read | undefined;

function load(): Read {
  try {
    return shim().sh_outline;
  } catch {
    return () => 0;
  }
}

/** What was read last; places are in UTF-16 units. */
export class Outline {
  // with a buffer of its own: else Bun may move it
  readonly #words = new Int32Array(new ArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT));
  readonly #address = ptr(this.#words);
  #bytes = Buffer.alloc(0);
  #units = 0;

  /** False: the text is to be read otherwise. */
  read(text: string): boolean {
    if (text.length > MOST_UNITS) return false;
    if (text.length > this.#units) this.#makeRoom(Math.max(text.length, FIRST_UNITS));
    loaded ??= load();
    const isTaken = loaded(this.#bytes, this.#bytes.write(text), this.#address) === 1;
    if (this.#units > KEPT_UNITS) this.#makeRoom(0);
    return isTaken;
  }

  /** Of the member's value; −1: there is none. */
  start(member: Member): number {
    return this.#words[2 * MEMBERS[member]] ?? -1;
  }

  end(member: Member): number {
    return this.#words[2 * MEMBERS[member] + 1] ?? -1;
  }

  /** Members that JSON-RPC does not know. */
  get others(): number {
    return this.#words[OTHERS] ?? 0;
  }

  /** An output line may carry the text raw. */
  get isLineSafe(): boolean {
    return this.#words[IS_LINE_SAFE] === 1;
  }

  /** Start and end of each part of `[from, to)` that need not be parsed, in order: of a string, or, from a comma on, of the
   * rest of a list or object. */
  cuts(from: number, to: number): number[] {
    const cuts: number[] = [];
    for (let at = CUTS; at < CUTS + 2 * (this.#words[CUT_COUNT] ?? 0); at += 2) {
      const [start = 0, end = 0] = [this.#words[at], this.#words[at + 1]];
      if (start >= from && end <= to) cuts.push(start, end);
    }
    return cuts;
  }

  #makeRoom(units: number): void {
    this.#bytes.buffer.transfer(0);
    this.#bytes = Buffer.from(new ArrayBuffer(units * MOST_BYTES_PER_UNIT + ROOM_BEHIND));
    this.#units = units;
  }
}
