/** The bytes of an unfinished line in, or of a text over several lines; the texts in them, and what is left, out. */
import { VERSION_KEY } from "../../json-grammar.ts";
import { type HeldBytes, PartialLine } from "../partial-line.ts";
import type { Flag } from "../types.ts";
import { JsonScanner, type ScanState } from "./json-scanner.ts";

const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

const NO_FLAGS: readonly Flag[] = [];
const NO_LINE_END: readonly Flag[] = ["no_line_end"];
const MULTI_LINE: readonly Flag[] = ["multi_line"];
const MULTI_LINE_WITHOUT_END: readonly Flag[] = ["multi_line", "no_line_end"];

/** `bytes[from, to)` of what is held. */
export interface TextPlace {
  readonly from: number;
  readonly to: number;
  readonly flags: readonly Flag[];
}

/**
 * It is looked into only when it must be: a line that ends with another bracket than it begins with, one that holds "}{",
 * one whose end has not come. Each byte is looked at once as a part of one text.
 */
export class HeldText {
  readonly #partial: PartialLine;
  #scanner: JsonScanner | undefined;
  /** Behind the white space that follows the whole text. */
  #blankTo = 0;
  /** Where the current line begins. */
  #lineFrom = 0;
  #whole: "no" | "perhaps" | "yes" = "no";
  #isMultiLine = false;
  #hasMessageLine = false;

  constructor(held: HeldBytes) {
    this.#partial = new PartialLine(held);
  }

  get length(): number {
    return this.#partial.length;
  }

  /** Bytes of memory. */
  get capacity(): number {
    return this.#partial.capacity;
  }

  get isLookedInto(): boolean {
    return this.#scanner !== undefined;
  }

  /** The text is whole, and its line end has not come. */
  get isWhole(): boolean {
    if (this.#whole === "perhaps") this.#whole = this.scan() === "whole" ? "yes" : "no";
    return this.#whole === "yes";
  }

  /** To be looked into if no more comes for a while: most reads end somewhere in a text, and each look would cost. */
  get mayBeWhole(): boolean {
    return this.#whole !== "no";
  }

  /** The text goes over the end of a line. */
  get isMultiLine(): boolean {
    return this.#isMultiLine;
  }

  /** A line of it may be a message of its own. */
  get hasMessageLine(): boolean {
    return this.#hasMessageLine;
  }

  get isPartOfMessage(): boolean {
    return this.bytes().includes(VERSION_KEY);
  }

  /** What was irregular about the text; `hasEnd`: its line end is there. */
  flags(hasEnd: boolean): readonly Flag[] {
    if (hasEnd) return this.#isMultiLine ? MULTI_LINE : NO_FLAGS;
    return this.#isMultiLine ? MULTI_LINE_WITHOUT_END : NO_LINE_END;
  }

  append(bytes: Buffer, from: number, to: number): void {
    this.#partial.append(bytes, from, to);
  }

  /** Valid until the next call that changes them. */
  bytes(): Buffer {
    return this.#partial.bytes();
  }

  clear(): void {
    this.#partial.clear();
    this.#begin(undefined);
  }

  /** Looks at all that is held. "whole": nothing but white space is behind it. */
  scan(): ScanState {
    const held = this.bytes();
    const scanner = this.#lookInto(held);
    const state = scanner.scan(held, held.length);
    if (state !== "whole") return state;
    this.#blankTo = Math.max(this.#blankTo, scanner.at);
    while (isSpace(held[this.#blankTo])) this.#blankTo++;
    return this.#blankTo === held.length ? "whole" : "broken";
  }

  /** No more is there for now. */
  pause(last: number | undefined): void {
    if (isClosing(last)) this.#whole = "perhaps";
    else if (this.#whole !== "no") this.#whole = isSpace(last) ? "perhaps" : "no";
  }

  /** An object is held, and `bytes` begin the next one. */
  isFollowedBy(bytes: Buffer): boolean {
    if (bytes[0] !== OPEN_BRACE || !this.isWhole) return false;
    return this.isEndedAt(this.length) && this.bytes().at(-1) === CLOSE_BRACE;
  }

  isEndedAt(end: number): boolean {
    return this.#scanner?.state === "whole" && this.#scanner.at === end;
  }

  /** Objects that are whole, behind each of which the next one begins at once. */
  *followed(): Iterable<TextPlace> {
    const held = this.bytes();
    let scanner = this.#lookInto(held);
    let from = 0;
    while (scanner.scan(held, held.length) === "whole") {
      const to = scanner.at;
      if (held[to - 1] !== CLOSE_BRACE || held[to] !== OPEN_BRACE) break;
      yield { from, to, flags: this.flags(false) };
      from = to;
      scanner = new JsonScanner(to);
      this.#begin(scanner);
    }
    if (from === 0 || from >= this.length) return;
    this.#partial.skip(from);
    this.#begin(undefined);
  }

  /**
   * A line has ended, and the text is not whole. True: it goes on in the next one. What is printed over several lines begins
   * without an indent: what has one is a part of another text, whose beginning was not heard.
   */
  goOn(): boolean {
    const held = this.bytes();
    const scanner = this.#lookInto(held);
    if (scanner.state !== "open" || !isBracket(held[startOf(held)])) return false;
    if (this.#isMultiLine && isMessageLine(held, this.#lineFrom)) {
      // in a list of messages it has its place; elsewhere the text was given up by its writer
      this.#hasMessageLine = true;
      if (scanner.depth > 1 || !scanner.isInArray) return false;
    }
    this.#isMultiLine = true;
    this.#lineFrom = held.length;
    return true;
  }

  #lookInto(held: Buffer): JsonScanner {
    this.#scanner ??= new JsonScanner(startOf(held));
    return this.#scanner;
  }

  #begin(scanner: JsonScanner | undefined): void {
    this.#scanner = scanner;
    this.#blankTo = 0;
    this.#lineFrom = 0;
    this.#whole = "no";
    this.#isMultiLine = false;
    this.#hasMessageLine = false;
  }
}

/** Whether `bytes[from, to)` ends with the bracket that closes the one it begins with, white space aside. */
export function isClosed(bytes: Buffer, from: number, to: number): boolean {
  let last = to - 1;
  while (last > from && isSpace(bytes[last])) last--;
  let first = from;
  if (bytes[first] === 0xef) first += 3;
  while (first < last && isSpace(bytes[first])) first++;
  const start = bytes[first];
  // "}" and "]" stand two behind "{" and "[" in ASCII
  return isBracket(start) && bytes[last] === (start ?? 0) + 2;
}

export function isBracket(byte: number | undefined): boolean {
  return byte === OPEN_BRACE || byte === OPEN_BRACKET;
}

function isClosing(byte: number | undefined): boolean {
  return byte === CLOSE_BRACE || byte === CLOSE_BRACKET;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** Behind a byte order mark. */
function startOf(held: Buffer): number {
  return held[0] === 0xef ? 3 : 0;
}

function isMessageLine(held: Buffer, from: number): boolean {
  if (!isBracket(held[from]) || !isClosed(held, from, held.length)) return false;
  return held.subarray(from).includes(VERSION_KEY);
}
