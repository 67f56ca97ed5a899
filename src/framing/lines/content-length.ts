/** Lines of a channel in, the heads of LSP's framing among them out: "Content-Length: 42", a blank line, 42 bytes. */

/** "head": it begins like a field of a head; "open": it may; "other": it does not. */
export type HeadStart = "head" | "open" | "other";

/** Longest line of a head, its end included. */
const MAX_HEAD_LINE = 256;
/** Longest head: whoever repeats fields for ever has none. */
const MAX_HEAD = 2048;
/** Bytes of a line's end that tell whether a head's first line is glued to it. */
const MAX_TAIL = 48;

const FIELDS = ["content-length:", "content-type:"].map((name) => Buffer.from(name));
const LENGTH = /^content-length:[ \t]*(\d{1,10})[ \t]*\r?\n$/i;
const TYPE = /^content-type:[^\r\n]*\r?\n$/i;
const LENGTH_AT_END = /content-length: ?(\d{1,10})\r?\n$/i;

/**
 * The head that a channel is in, and how much of the text behind it is still to come. A head's first line may also stand at
 * the end of a line: behind a text whose beginning was not heard, or that is longer than its own head said.
 * Source: LSP 3.17, base protocol.
 */
export class ContentLength {
  /** Bytes of the text that are still to come. */
  left = 0;
  /** Of the head's lines; 0: none is under way, or its only line is counted with what it is glued to. */
  bytes = 0;
  #length: number | undefined;
  #isUsed = false;
  #tail = "";

  /** The channel has had such texts. */
  get isUsed(): boolean {
    return this.#isUsed;
  }

  /** A line of a head. False: it is none, or one too many. */
  addLine(line: string): boolean {
    const [, length] = LENGTH.exec(line) ?? [];
    const bytes = this.bytes + line.length;
    if (line.length > MAX_HEAD_LINE || bytes > MAX_HEAD) return false;
    if (length === undefined && !TYPE.test(line)) return false;
    if (length !== undefined) this.#length = Number(length);
    this.bytes = bytes;
    return true;
  }

  /** A blank line, which ends the head of so many bytes. False: there is no head. */
  begin(bytes: number, maxLength: number): boolean {
    const length = this.#length ?? 0;
    if (length === 0 || length > maxLength) return false;
    this.bytes = bytes;
    this.left = length;
    this.#length = undefined;
    return true;
  }

  /** As much of it as is in `[from, to)`; gives where that ends. */
  take(from: number, to: number): number {
    const end = Math.min(to, from + this.left);
    this.left -= end - from;
    return end;
  }

  /** There is no head, or no more of what it announced. */
  clear(): void {
    this.left = 0;
    this.bytes = 0;
    this.#length = undefined;
    this.#tail = "";
  }

  /** A text came whole. */
  confirm(): void {
    this.clear();
    this.#isUsed = true;
  }

  /** What the end of a line is looked for in: its last bytes, which may come in pieces. */
  noteEnd(bytes: Buffer, from: number, to: number): void {
    const last = bytes.toString("latin1", Math.max(from, to - MAX_TAIL), to);
    this.#tail = (this.#tail + last).slice(-MAX_TAIL);
  }

  /** The line that was noted is over. Whether a head's first line was its end; gives its length then. */
  takeGlued(): number {
    const tail = this.#tail;
    this.clear();
    const match = tail === "" ? null : LENGTH_AT_END.exec(tail);
    if (match === null) return 0;
    this.#length = Number(match[1]);
    return match[0].length;
  }
}

/** Looks at `bytes[from, to)`, which begins a line and may end anywhere. */
export function readHeadStart(bytes: Uint8Array, from: number, to: number): HeadStart {
  let start: HeadStart = "other";
  for (const field of FIELDS) {
    const length = Math.min(to - from, field.length);
    let at = 0;
    // letters in either case; "-" and ":" have that bit anyway
    while (at < length && ((bytes[from + at] ?? 0) | 0x20) === field[at]) at++;
    if (at === field.length) return "head";
    if (at === length) start = "open";
  }
  return start;
}

/** A longer line is none of a head's. */
export function mayBeHeadLine(bytes: number): boolean {
  return bytes <= MAX_HEAD_LINE;
}
