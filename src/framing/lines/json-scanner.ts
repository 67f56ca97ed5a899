/** Bytes of one JSON text in, as they come; whether it is whole, and where it ends or breaks, out. */

/** "open": more must come; "whole": its last bracket is there; "broken": it is no JSON, whatever comes. */
export type ScanState = "open" | "whole" | "broken";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const LINE_FEED = 0x0a;

/** What may come next. */
const VALUE = 0;
const VALUE_OR_END = 1;
const KEY = 2;
const KEY_OR_END = 3;
const COLON_NEXT = 4;
const COMMA_OR_END = 5;

/** Deeper is nothing that anybody prints over several lines; bounds the memory of a scan. */
const MAX_DEPTH = 10_000;
/** What is not a number is none of these words, and no text goes on behind it. Longer numbers are taken as they are. */
const LONGEST_WORD = 40;
const SCALAR = /^(?:true|false|null|NaN|-?Infinity|-?\d+(?:\.\d*)?(?:[eE][+-]?\d*)?)$/;

/**
 * Follows JSON's grammar over an object or array, and takes what some writers have beside it: NaN, Infinity. Each byte is
 * looked at once, however often it is asked. Strings are only measured; a line feed in one breaks the text.
 */
export class JsonScanner {
  /** Index of the next byte to look at. "whole": just behind the last bracket. */
  at: number;
  state: ScanState = "open";
  /** Open brackets, outermost first, as their closing ones. */
  #open = new Uint8Array(16);
  #depth = 0;
  #next = VALUE;
  /** Start of the string, or of the number or word, that is under way; −1: none. */
  #stringAt = -1;
  #wordAt = -1;

  constructor(from: number) {
    this.at = from;
  }

  /** Brackets that are open. */
  get depth(): number {
    return this.#depth;
  }

  get isInArray(): boolean {
    return this.#depth > 0 && this.#open[this.#depth - 1] === OPEN_BRACKET + 2;
  }

  /** Goes on up to `to`; `bytes` are the same as before, with more behind them. */
  scan(bytes: Buffer, to: number): ScanState {
    while (this.state === "open" && this.at < to) {
      if (this.#stringAt >= 0) this.#endString(bytes, to);
      else if (this.#wordAt >= 0) this.#endWord(bytes, to);
      else this.#take(bytes[this.at] ?? 0);
    }
    return this.state;
  }

  #take(byte: number): void {
    const next = this.#next;
    this.at++;
    if (byte === 0x20 || byte === LINE_FEED || byte === 0x0d || byte === 0x09) return;
    if (byte === COLON && next === COLON_NEXT) this.#next = VALUE;
    else if (byte === COMMA && next === COMMA_OR_END) this.#next = this.isInArray ? VALUE : KEY;
    else if (byte === 0x7d || byte === 0x5d) this.#close(byte);
    else if (byte === QUOTE && next !== COLON_NEXT && next !== COMMA_OR_END)
      this.#stringAt = this.at;
    else if (next === VALUE || next === VALUE_OR_END) this.#enter(byte);
    else this.#break();
  }

  #enter(byte: number): void {
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#push(byte);
    // a text is an object or an array
    else if (this.#depth > 0 && isWordByte(byte)) this.#wordAt = this.at - 1;
    else this.#break();
  }

  #push(byte: number): void {
    if (this.#depth === MAX_DEPTH) {
      this.#break();
      return;
    }
    if (this.#depth === this.#open.length) {
      const grown = new Uint8Array(this.#depth * 2);
      grown.set(this.#open);
      this.#open = grown;
    }
    this.#open[this.#depth++] = byte + 2;
    this.#next = byte === OPEN_BRACE ? KEY_OR_END : VALUE_OR_END;
  }

  #close(byte: number): void {
    const mayEnd = this.#next !== VALUE && this.#next !== KEY && this.#next !== COLON_NEXT;
    if (!mayEnd || this.#depth === 0 || this.#open[this.#depth - 1] !== byte) {
      this.#break();
      return;
    }
    this.#depth--;
    this.#next = COMMA_OR_END;
    if (this.#depth === 0) this.state = "whole";
  }

  /** Backslashes before a quote are counted back to the string's start: pairs do not escape it. */
  #endString(bytes: Buffer, to: number): void {
    const quote = bytes.indexOf(QUOTE, this.at);
    const end = quote < 0 || quote >= to ? to : quote;
    const isCut = bytes[end - 1] === LINE_FEED || bytes.subarray(this.at, end).includes(LINE_FEED);
    this.at = end;
    if (isCut) this.state = "broken";
    if (end === to) return;
    this.at++;
    let before = end - 1;
    while (before >= this.#stringAt && bytes[before] === BACKSLASH) before--;
    if ((end - 1 - before) % 2 === 1) return;
    this.#stringAt = -1;
    const isKey = this.#next === KEY || this.#next === KEY_OR_END;
    this.#next = isKey ? COLON_NEXT : COMMA_OR_END;
  }

  #endWord(bytes: Buffer, to: number): void {
    while (this.at < to && isWordByte(bytes[this.at] ?? 0)) this.at++;
    if (this.at === to) return;
    const isLong = this.at - this.#wordAt > LONGEST_WORD;
    const wordEnd = isLong ? this.#wordAt + 2 : this.at;
    const word = bytes.toString("latin1", this.#wordAt, wordEnd);
    this.#wordAt = -1;
    this.#next = COMMA_OR_END;
    if (isLong ? !/^-?\d/.test(word) : !SCALAR.test(word)) this.#break();
  }

  #break(): void {
    this.at--;
    this.state = "broken";
  }
}

/** Letters, digits, "+", "-", ".". */
function isWordByte(byte: number): boolean {
  if (byte >= 0x30 && byte <= 0x39) return true;
  if (byte === 0x2b || byte === 0x2d || byte === 0x2e) return true;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}
