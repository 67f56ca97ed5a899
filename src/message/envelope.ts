/** The text of a JSON object in, where the members of a JSON-RPC message stand in it out. */

import { endOfString, endOfValue, skipSpace } from "../json-grammar.ts";
import { Span } from "./body-span.ts";
import type { OutlineReader } from "./types.ts";

const MEMBERS = ["jsonrpc", "id", "method", "params", "result", "error"] as const;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * The members of one object. One instance is read into again and again, so that a message costs no
 * allocation here. After `read` everything but `params`, `result` and `error` is proven to be JSON;
 * those three are only measured and must be parsed or validated by the caller.
 */
export class Envelope {
  readonly jsonrpc = new Span();
  readonly id = new Span();
  readonly method = new Span();
  readonly params = new Span();
  readonly result = new Span();
  readonly error = new Span();
  /** One of the members above stands twice; the last one is kept. */
  duplicate = false;
  /** Number of members that JSON-RPC does not know. */
  others = 0;
  /** Where a body ends was guessed: when reading or a body fails, `read` must be tried without guesses. */
  guessed = false;
  /** All of the text was read, and every reader of JSON takes it. */
  outlined = false;
  /** Of text that was outlined: an output line may carry it raw. */
  isLineSafe = false;
  #mayGuess = false;
  readonly #outline: OutlineReader | undefined;

  constructor(outline?: OutlineReader) {
    this.#outline = outline;
  }

  /**
   * Reads the object whose brace is at `at`. Gives the index behind it, or −1: it is not JSON.
   * With `mayGuess` the object must be all that is left of `text`, which must be SHORT_TEXT at most.
   * A wrong guess cannot go unseen: if the body as guessed is JSON and so is all around it, then by
   * JSON's grammar, which is unambiguous, the text has no other reading.
   */
  read(text: string, at: number, mayGuess: boolean): number {
    this.#clear();
    this.#mayGuess = mayGuess;
    let index = skipSpace(text, at + 1);
    if (text.charCodeAt(index) === CLOSE_BRACE) return index + 1;
    for (;;) {
      index = this.#readMember(text, index);
      if (index < 0) return -1;
      index = skipSpace(text, index);
      const code = text.charCodeAt(index);
      if (code === CLOSE_BRACE) return index + 1;
      if (code !== COMMA) return -1;
      index = skipSpace(text, index + 1);
    }
  }

  /** As `read`, of a message that is all of `text`, much faster if that is long. False: it must be read otherwise. */
  readOutline(text: string): boolean {
    const outline = this.#outline;
    this.#clear();
    if (outline?.read(text) !== true) return false;
    for (const name of MEMBERS) {
      const [start, end] = [outline.start(name), outline.end(name)];
      if (start >= 0) this[name].set(start, end, outline.cuts(start, end));
    }
    this.others = outline.others;
    this.isLineSafe = outline.isLineSafe;
    this.outlined = true;
    return true;
  }

  /** Measures the bodies of a message whose guessed ends were right: what guesses do not look at is known then. */
  measureGuessed(text: string): void {
    for (const span of [this.params, this.result, this.error]) {
      if (span.start >= 0) span.measure(text, span.start);
    }
  }

  #clear(): void {
    this.jsonrpc.clear();
    this.id.clear();
    this.method.clear();
    this.params.clear();
    this.result.clear();
    this.error.clear();
    this.duplicate = false;
    this.others = 0;
    this.guessed = false;
    this.outlined = false;
    this.isLineSafe = false;
  }

  #readMember(text: string, at: number): number {
    if (text.charCodeAt(at) !== QUOTE) return -1;
    const keyEnd = endOfString(text, at);
    if (keyEnd < 0) return -1;
    const colon = skipSpace(text, keyEnd);
    if (text.charCodeAt(colon) !== COLON) return -1;
    const start = skipSpace(text, colon + 1);
    const span = this.#memberOf(text, at + 1, keyEnd - 1);
    if (span === undefined) {
      this.others++;
      return endOfValue(text, start);
    }
    if (span.start >= 0) {
      this.duplicate = true;
      if (this.#isBody(span) && endOfValue(text, span.start) !== span.end) return -1;
      span.clear();
    }
    if (this.#isBody(span)) return this.#measure(text, start, span);
    span.start = start;
    span.end = endOfValue(text, start);
    return span.end;
  }

  #measure(text: string, at: number, span: Span): number {
    const isObject = text.charCodeAt(at) === OPEN_BRACE;
    if (this.#mayGuess && isObject && span.guess(text, at)) {
      this.guessed = true;
      return span.end;
    }
    return span.measure(text, at) ? span.end : -1;
  }

  #isBody(span: Span): boolean {
    return span === this.params || span === this.result || span === this.error;
  }

  /** The member that the key at `[from, to)`, without its quotes, names. */
  #memberOf(text: string, from: number, to: number): Span | undefined {
    switch (to - from) {
      case 2:
        if (text.startsWith("id", from)) return this.id;
        break;
      case 5:
        if (text.startsWith("error", from)) return this.error;
        break;
      case 6:
        if (text.startsWith("method", from)) return this.method;
        if (text.startsWith("params", from)) return this.params;
        if (text.startsWith("result", from)) return this.result;
        break;
      case 7:
        if (text.startsWith("jsonrpc", from)) return this.jsonrpc;
        break;
      default:
    }
    return this.#escapedMemberOf(text, from, to);
  }

  /** "\u0069d" is "id" as well. No name above takes more than 42 characters, all of them escaped. */
  #escapedMemberOf(text: string, from: number, to: number): Span | undefined {
    if (to - from > 42 || to - from < 7) return undefined;
    const key = text.slice(from, to);
    if (!key.includes("\\")) return undefined;
    switch (JSON.parse(`"${key}"`)) {
      case "jsonrpc":
        return this.jsonrpc;
      case "id":
        return this.id;
      case "method":
        return this.method;
      case "params":
        return this.params;
      case "result":
        return this.result;
      case "error":
        return this.error;
      default:
        return undefined;
    }
  }
}
