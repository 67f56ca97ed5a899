/** The bytes where a head is due in, the parsed head out; each byte goes to `DirectionItems` once. */
import type { HeldBytes } from "../partial-line.ts";
import type { HttpSide } from "./connection.ts";
import type { DirectionItems } from "./direction-items.ts";
import { type Head, parseHead, readStart } from "./head.ts";
import { HeadBuffer } from "./head-buffer.ts";

/** Longest head that is kept for comparison, one a direction. */
const MAX_LAST = 1024;
const CR = 0x0d;
const LF = 0x0a;

/** Of a head that is lost for its length, the first fields tell what it was. */
const MAX_BEGINNING = 1024;

/** `head`: undefined, more of it is to come; "none", the bytes are no head; "too_long", it is lost, with what was there. */
export interface HeadTaken {
  readonly head: Head | "none" | "too_long" | undefined;
  /** Index behind what was taken. */
  readonly next: number;
  /** What a lost one begins with. */
  readonly beginning?: Head | undefined;
}

/**
 * Who keeps a connection alive mostly sends the same head again and again, byte for byte: it is read once. One with
 * credentials is not kept, and so read each time.
 */
export class HeadReader {
  readonly #items: DirectionItems;
  readonly #buffer: HeadBuffer;
  /** The unfinished head begins like one. */
  #isSure = false;
  #last: { readonly bytes: Buffer; readonly head: Head } | undefined;

  constructor(items: DirectionItems, held: HeldBytes) {
    this.#items = items;
    this.#buffer = new HeadBuffer(held);
  }

  get heldBytes(): number {
    return this.#buffer.heldBytes;
  }

  /** Bytes of the unfinished head. */
  get length(): number {
    return this.#buffer.length;
  }

  clear(): void {
    this.#buffer.clear();
  }

  /** `side`: undefined, the head tells. */
  take(bytes: Buffer, from: number, side: HttpSide | undefined): HeadTaken {
    if (this.#buffer.length > 0) return this.#gather(bytes, from, side);
    const at = this.#skipEmptyLines(bytes, from);
    if (at === bytes.length) return { head: undefined, next: at };
    this.#isSure = false;
    const last = this.#last;
    if (last === undefined || !startsAt(bytes, at, last.bytes)) {
      return this.#gather(bytes, at, side);
    }
    this.#items.noise(last.bytes.length);
    return { head: last.head, next: at + last.bytes.length };
  }

  /** RFC 9112, 2.2: empty lines before a start line are passed over. */
  #skipEmptyLines(bytes: Buffer, from: number): number {
    let at = from;
    while (bytes[at] === CR || bytes[at] === LF) at++;
    this.#items.noise(at - from);
    return at;
  }

  #gather(bytes: Buffer, from: number, side: HttpSide | undefined): HeadTaken {
    const before = this.#buffer.length;
    const end = this.#buffer.take(bytes, from);
    if (end.kind === "whole") {
      const head = this.#read(bytes, from, end.text, end.taken, side);
      const next = from + end.taken;
      if (head === "too_long") {
        this.#items.lose(end.bytes, "line_too_long");
        return { head, next, beginning: beginningOf(end.text) };
      }
      this.#items.noise(end.bytes);
      return { head, next };
    }
    const next = bytes.length;
    if (end.kind === "more") return { head: this.#check(side), next };
    const held = before === 0 ? bytes.subarray(from) : this.#buffer.bytes();
    const beginning = beginningOf(held.toString("latin1", 0, MAX_BEGINNING));
    this.#buffer.clear();
    this.#items.lose(before + next - from, "line_too_long");
    return { head: "too_long", next, beginning };
  }

  #read(
    bytes: Buffer,
    from: number,
    text: string,
    taken: number,
    side: HttpSide | undefined,
  ): Head | "none" | "too_long" {
    const head = parseHead(text) ?? "none";
    if (typeof head === "string") return head;
    if (side !== undefined && (head.status === 0) !== (side === "request")) return "none";
    if (taken === text.length && taken <= MAX_LAST && !head.hasCredentials) {
      this.#last = { bytes: Buffer.from(bytes.subarray(from, from + taken)), head };
    }
    return head;
  }

  /** What is gathered must begin like a head, or it is none. */
  #check(side: HttpSide | undefined): "none" | undefined {
    if (this.#isSure) return undefined;
    const part = this.#buffer.bytes();
    const start = readStart(part.toString("latin1"));
    this.#isSure = start !== "none" && start !== "open" && start === (side ?? start);
    if (this.#isSure || start === "open") return undefined;
    this.#items.noise(part.length);
    this.#buffer.clear();
    return "none";
  }
}

function startsAt(bytes: Buffer, at: number, wanted: Buffer): boolean {
  const end = at + wanted.length;
  return end <= bytes.length && bytes.compare(wanted, 0, wanted.length, at, end) === 0;
}

function beginningOf(text: string): Head | undefined {
  const end = text.lastIndexOf("\n", MAX_BEGINNING);
  const head = end < 0 ? undefined : parseHead(`${text.slice(0, end + 1)}\r\n`);
  return head === "too_long" ? undefined : head;
}
