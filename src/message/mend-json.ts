/** Text that is almost JSON in, JSON text of the same meaning and what was wrong with it out. */
import { endOfString, skipSpace } from "../json-grammar.ts";

export interface Mended {
  readonly text: string;
  /** What was wrong first, and at which character of the text, from 0: `NaN at 63`. */
  readonly error: string;
}

const QUOTE = 0x22;
const SLASH = 0x2f;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;

/** What is deeper, or has more faults, is not looked into. */
const MAX_DEPTH = 10_000;
const MAX_FAULTS = 10_000;
const SCALAR = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)$/;
const BODY = /^"(?:params|result|error)"$/;
const WORD = /[\w.+-]+/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
/** Named as they are; any other word may be something that nobody is to see. */
const KNOWN_WORDS = /^(?:[+-]?(?:NaN|nan|Infinity|inf|Inf)|undefined|None|True|False|nil|NULL)$/;

/**
 * undefined: it is JSON, or so wrong that there is nothing to go by. Linear in its length.
 * Mended is what some writers have and some readers take: NaN, Infinity and other words and numbers that JSON has no form for
 * become strings; control characters in strings and odd escapes their escapes; comments and commas before a closing bracket go.
 * At any other fault the text ends; in params, result or error all that is left is that member's value, as a string.
 */
export function mendJson(text: string): Mended | undefined {
  return new Mender(text).run();
}

/** Behind a member of the outermost object, or where the value of one that may hold anything begins. */
interface Mark {
  readonly at: number;
  readonly isValue: boolean;
  readonly out: string;
  readonly copied: number;
}

class Mender {
  readonly #text: string;
  #out = "";
  /** Up to here the text is in `#out`. */
  #copied = 0;
  #at: number;
  #error: string | undefined;
  #faults = 0;
  readonly #open: number[] = [];
  /** The last place up to which the text is good. */
  #mark: Mark | undefined;

  constructor(text: string) {
    this.#text = text;
    this.#at = skipSpace(text, 0);
  }

  run(): Mended | undefined {
    const start = this.#code();
    if (start !== OPEN_BRACE && start !== OPEN_BRACKET) return undefined;
    const fault = this.#walk();
    if (fault !== undefined && !this.#giveUpAt(fault)) return undefined;
    if (this.#error === undefined) return undefined;
    const more = this.#faults > 1 ? `, and ${this.#faults - 1} more` : "";
    return { text: this.#out + this.#text.slice(this.#copied), error: this.#error + more };
  }

  /** A fault that cannot be mended; it stands at `#at`. */
  #walk(): string | undefined {
    do {
      const fault = this.#enter() ?? this.#leave();
      if (fault !== undefined) return fault;
    } while (this.#open.length > 0);
    this.#setMark(false);
    this.#skip();
    return this.#at < this.#text.length ? "more text" : undefined;
  }

  /** From the start of a value down to the end of its first scalar or empty container. */
  #enter(): string | undefined {
    for (;;) {
      this.#skip();
      const code = this.#code();
      if (this.#faults > MAX_FAULTS) return "one fault too many";
      if (code !== OPEN_BRACE && code !== OPEN_BRACKET) return this.#scalar(code);
      if (this.#open.length === MAX_DEPTH) return "too deep a value";
      this.#open.push(code);
      this.#at++;
      this.#skip();
      // "}" and "]" stand two behind "{" and "[" in ASCII
      if (this.#code() === code + 2) return undefined;
      if (code === OPEN_BRACE) {
        const fault = this.#key();
        if (fault !== undefined) return fault;
      }
    }
  }

  /** From the end of a value up through what closes behind it, to the start of the next one or the end of all. */
  #leave(): string | undefined {
    while (this.#open.length > 0) {
      this.#skip();
      const container = this.#open[this.#open.length - 1] ?? 0;
      const isComma = this.#code() === COMMA;
      if (!isComma && this.#code() !== container + 2) return this.#unexpected();
      if (this.#open.length === 1) this.#setMark(false);
      if (isComma && !this.#isLastComma(container + 2)) {
        return container === OPEN_BRACE ? this.#key() : undefined;
      }
      this.#open.pop();
      this.#at++;
    }
    return undefined;
  }

  /** Goes on behind a comma, which nobody needs before a closing bracket. */
  #isLastComma(closing: number): boolean {
    const from = this.#at++;
    const isLast = this.#text.charCodeAt(this.#behindBlanks(this.#at)) === closing;
    // before the comments behind it go
    if (isLast) this.#take(from, from + 1, "");
    this.#skip();
    if (isLast) this.#note(`a comma before the bracket at ${from}`);
    return isLast;
  }

  #key(): string | undefined {
    const from = this.#at;
    if (this.#code() !== QUOTE) return this.#unexpected();
    const fault = this.#string();
    if (fault !== undefined) return fault;
    const key = this.#text.slice(from, this.#at);
    this.#skip();
    if (this.#code() !== COLON) return this.#unexpected();
    this.#at++;
    this.#skip();
    if (this.#open.length === 1 && BODY.test(key)) this.#setMark(true);
    return undefined;
  }

  #scalar(code: number): string | undefined {
    if (code === QUOTE) return this.#string();
    WORD.lastIndex = this.#at;
    if (!WORD.test(this.#text)) return this.#unexpected();
    const from = this.#at;
    this.#at = WORD.lastIndex;
    const word = this.#text.slice(from, this.#at);
    if (!SCALAR.test(word)) {
      const what = KNOWN_WORDS.test(word) ? word : `a ${/^[-+.\d]/.test(word) ? "number" : "word"}`;
      this.#replace(from, this.#at, JSON.stringify(word), what);
    }
    return undefined;
  }

  #string(): string | undefined {
    const end = endOfString(this.#text, this.#at);
    if (end >= 0) {
      this.#at = end;
      return undefined;
    }
    for (this.#at++; this.#at < this.#text.length; this.#at++) {
      const code = this.#code();
      if (code === QUOTE) {
        this.#at++;
        return undefined;
      }
      if (this.#faults > MAX_FAULTS) return "one fault too many";
      if (code < 0x20) {
        const escaped = `\\u${code.toString(16).padStart(4, "0")}`;
        this.#replace(this.#at, this.#at + 1, escaped, "a control character");
      } else if (code === BACKSLASH) this.#escape();
    }
    return "no end of a string";
  }

  /** What has no meaning in JSON is what it looks like: a backslash, and what follows. */
  #escape(): void {
    ESCAPE.lastIndex = this.#at;
    if (ESCAPE.test(this.#text)) this.#at = ESCAPE.lastIndex - 1;
    else if (this.#text.charCodeAt(this.#at + 1) === 0x27) {
      this.#replace(this.#at, this.#at + 1, "", "an escape");
    } else this.#replace(this.#at, this.#at + 1, "\\\\", "an escape");
  }

  /** White space and comments, as many as may be. */
  #skip(): void {
    for (;;) {
      this.#at = skipSpace(this.#text, this.#at);
      const end = this.#faults > MAX_FAULTS ? -1 : this.#endOfComment(this.#at);
      if (end < 0) return;
      this.#replace(this.#at, end, " ", "a comment");
      this.#at = end;
    }
  }

  /** Where `skip` would get to. */
  #behindBlanks(from: number): number {
    let at = skipSpace(this.#text, from);
    for (let end = this.#endOfComment(at); end >= 0; end = this.#endOfComment(at)) {
      at = skipSpace(this.#text, end);
    }
    return at;
  }

  /** −1: none begins there, or it has no end. */
  #endOfComment(at: number): number {
    if (this.#text.charCodeAt(at) !== SLASH) return -1;
    const isLine = this.#text.startsWith("//", at);
    if (!isLine && !this.#text.startsWith("/*", at)) return -1;
    const end = this.#text.indexOf(isLine ? "\n" : "*/", at + 2);
    return end < 0 || isLine ? end : end + 2;
  }

  /** Keeps what is good, and as a string what may be. False: not even the first member is whole. */
  #giveUpAt(fault: string): boolean {
    const mark = this.#mark;
    if (mark === undefined || this.#text.charCodeAt(skipSpace(this.#text, 0)) !== OPEN_BRACE) {
      return false;
    }
    this.#note(`${fault} at ${this.#at}`);
    this.#out = mark.out + this.#text.slice(mark.copied, mark.at);
    if (mark.isValue) this.#out += JSON.stringify(this.#text.slice(mark.at));
    if (this.#open.length > 0) this.#out += "}";
    this.#copied = this.#text.length;
    return true;
  }

  #setMark(isValue: boolean): void {
    this.#mark = { at: this.#at, isValue, out: this.#out, copied: this.#copied };
  }

  #unexpected(): string {
    if (this.#at >= this.#text.length) return "the end of the text";
    const code = this.#code();
    const isPlain = code > 0x20 && code < 0x7f;
    return isPlain ? `an unexpected ${String.fromCharCode(code)}` : "an unexpected character";
  }

  #replace(from: number, to: number, by: string, what: string): void {
    this.#take(from, to, by);
    this.#note(`${what} at ${from}`);
  }

  /** What is before `from` goes out as it is, `by` for what is before `to`. */
  #take(from: number, to: number, by: string): void {
    this.#out += this.#text.slice(this.#copied, from) + by;
    this.#copied = to;
  }

  #note(error: string): void {
    this.#error ??= error;
    this.#faults++;
  }

  #code(): number {
    return this.#text.charCodeAt(this.#at);
  }
}
