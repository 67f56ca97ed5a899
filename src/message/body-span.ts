/** The start of a params, result or error in, its end and how heavy it is out; validity is left to JSON.parse. */
import { endOfString, endOfValue } from "../json-grammar.ts";
import { isFitNumber, isInUnfitNumber, levelsOf, MAX_LEVELS } from "../json-readers.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Levels of a message, its own object counted once and others twice, up to which its body is parsed. */
const MAX_DEPTH = 512;

/** Objects, arrays, strings and commas up to which a body is parsed: a value takes up to 100 bytes. */
const MAX_VALUES = 1024 * 1024;

/** Characters of text that cannot hold more than MAX_DEPTH levels, each of which takes two. */
export const SHORT_TEXT = 2 * MAX_DEPTH;

/** A number of which not one digit stands at a multiple of so many characters is short. */
const SAMPLED = 256;
const LOWER_E = 0x65;
/** Of ASCII letters, the bit that makes them lower case. */
const LOWER_CASE = 0x20;

/** Strings longer than this many characters are kept out of the parsed value: a second copy of a line of 32 MiB in memory
 * would be for nothing, since what is asked of the value is short. */
const LONG_STRING = 4 * 1024 * 1024;
/** How much of them is left in. */
const KEPT_OF_LONG = 1024;
/** "\u0041" is the longest escape. */
const LONGEST_ESCAPE = 6;

/** Strings are most often short: up to this many characters are looked at one by one, which beats indexOf. */
const SHORT_STRING = 24;

/** Where a member's value stands in the text; `start` is −1 when there is no such member. */
export class Span {
  start = -1;
  end = -1;
  deep = false;
  heavy = false;
  /** Some reader of JSON would stop at it; strings aside. */
  unfit = false;
  /** It is known to be JSON. */
  proven = false;
  /**
   * Start and end of each part that is too long for the parsed value: of a string, quotes included, or of the rest of a list
   * or object, from a comma on.
   */
  #long: number[] | undefined;

  clear(): void {
    if (this.start < 0) return;
    this.start = -1;
    this.deep = false;
    this.heavy = false;
    this.unfit = false;
    this.proven = false;
    this.#long = undefined;
  }

  /** What is known to be JSON that every reader takes; `cuts`: starts and ends as above. */
  set(start: number, end: number, cuts: number[]): void {
    this.start = start;
    this.end = end;
    this.proven = true;
    if (cuts.length > 0) this.#long = cuts;
  }

  /**
   * The text of the value, its very long strings cut to their beginnings and their lengths, and without the rests of lists and
   * objects that are to be left out. undefined: one of those strings is no JSON string.
   */
  shortened(text: string): string | undefined {
    if (this.#long === undefined) return text.slice(this.start, this.end);
    let from = this.start;
    let out = "";
    for (let i = 0; i + 1 < this.#long.length; i += 2) {
      const [start = 0, end = 0] = this.#long.slice(i, i + 2);
      if (text.charCodeAt(start) === QUOTE) {
        if (!this.proven && endOfString(text, start) !== end) return undefined;
        out += `${text.slice(from, wholeEscapes(text, start + KEPT_OF_LONG))}… ${end - start - 2}"`;
      } else out += text.slice(from, start);
      from = end;
    }
    return out + text.slice(from, this.end);
  }

  /**
   * Sets the span to what is most likely the object or array at `at`, judged by the end of `text`
   * only: the last member, or followed by members that are none. Short text cannot be deep or heavy; whether it is unfit
   * is not looked at. False: there is no guess.
   */
  guess(text: string, at: number): boolean {
    const last = text.length - 1;
    const isLast = isClosing(text.charCodeAt(last - 1)) && text.charCodeAt(last) === 0x7d;
    this.start = at;
    this.end = isLast ? last : text.lastIndexOf('},"') + 1;
    return this.end > at + 1;
  }

  /**
   * Sets the span to the value at `at`. Only its brackets and quotes are counted: whoever takes the
   * span must parse or validate it. False: it has no end.
   */
  measure(text: string, at: number): boolean {
    const code = text.charCodeAt(at);
    this.start = at;
    if (code === 0x7b || code === 0x5b) this.end = this.#measureNested(text, at);
    else this.#measureScalar(text, at);
    return this.end >= 0;
  }

  #measureScalar(text: string, at: number): void {
    this.end = endOfValue(text, at);
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      if (this.end - at > LONG_STRING) this.#long = [at, this.end];
    } else if (code < 0x3a) this.unfit = !isFitNumber(text.slice(at, this.end));
  }

  // biome-ignore lint/complexity/noExcessiveCognitiveComplexity: the hot loop, where calls are dear
  #measureNested(text: string, at: number): number {
    const { length } = text;
    let depth = 0;
    let maxDepth = 0;
    let values = 0;
    for (let index = at; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code === QUOTE) {
        values++;
        const start = index;
        index = closingQuote(text, index);
        if (index < 0) return -1;
        if (index - start > LONG_STRING) {
          this.#long ??= [];
          this.#long.push(start, index + 1);
        }
      } else if (code === 0x7b || code === 0x5b) {
        values++;
        depth += levelsOf(code);
        if (depth > maxDepth) maxDepth = depth;
      } else if (code === 0x2c) values++;
      else if (isClosing(code)) {
        depth -= levelsOf(code);
        if (depth > 0) continue;
        this.deep = maxDepth >= MAX_DEPTH;
        this.heavy = values > MAX_VALUES;
        this.unfit ||= this.heavy || maxDepth > MAX_LEVELS;
        return index + 1;
      } else if ((code | LOWER_CASE) === LOWER_E || index % SAMPLED === 0)
        this.unfit ||= isInUnfitNumber(text, index);
    }
    return -1;
  }
}

/** The last index up to `at` that is not inside an escape, in a string that is valid. */
function wholeEscapes(text: string, at: number): number {
  let index = text.lastIndexOf("\\", at - 1);
  if (index <= at - LONGEST_ESCAPE) return at;
  while (text.charCodeAt(index - 1) === BACKSLASH) index--;
  return index;
}

function isClosing(code: number): boolean {
  return code === 0x7d || code === 0x5d;
}

/** Index of the quote that ends the string opened at `at`; −1: none. */
function closingQuote(text: string, at: number): number {
  let index = at + 1;
  const near = index + SHORT_STRING;
  for (; index < near; index++) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) return index;
    if (code === BACKSLASH) index++;
  }
  for (;;) {
    index = text.indexOf('"', index);
    if (index < 0) return -1;
    // Behind an even number of backslashes the quote is not escaped; those before `near` may
    // already have been taken in pairs, and pairs do not change that.
    let before = index - 1;
    while (text.charCodeAt(before) === BACKSLASH) before--;
    if ((index - 1 - before) % 2 === 0) return index;
    index++;
  }
}
