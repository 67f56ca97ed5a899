/** JSON text in, where its tokens end out: strict, iterative, without building values. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** What each JSON-RPC 2.0 message has: a look for it is cheaper than reading the text. */
export const VERSION_KEY = '"jsonrpc"';

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/** Whether the text is a JSON-RPC message, or holds one, as far as a look tells. */
export function holdsMessage(text: string): boolean {
  return text.includes(VERSION_KEY);
}

/** Index of the first character at or behind `at` that is no JSON white space. */
export function skipSpace(text: string, at: number): number {
  let index = at;
  for (;;) {
    const code = text.charCodeAt(index);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return index;
    index++;
  }
}

/** Whether the text is one JSON value, with white space around it, at any depth; costs no memory but for its levels. */
export function isJson(text: string): boolean {
  const end = endOfValue(text, skipSpace(text, 0));
  return end >= 0 && skipSpace(text, end) === text.length;
}

/** Index behind the string whose opening quote is at `at`; −1: not a JSON string. */
export function endOfString(text: string, at: number): number {
  const { length } = text;
  for (let index = at + 1; index < length; index++) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) return index + 1;
    if (code < 0x20) return -1;
    if (code !== BACKSLASH) continue;
    const end = matchEnd(ESCAPE, text, index);
    if (end < 0) return -1;
    index = end - 1;
  }
  return -1;
}

/** Index behind the JSON value that begins at `at`, at any depth; −1: there is none. Linear in its length. */
export function endOfValue(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code !== OPEN_BRACE && code !== OPEN_BRACKET) return endOfScalar(text, at);
  const open = new NestingStack();
  let index = at;
  for (;;) {
    index = enterValue(text, index, open);
    if (index < 0) return -1;
    index = leaveValue(text, index, open);
    if (index < 0 || open.depth === 0) return index;
  }
}

/** From the start of a value, down to the end of its first scalar or empty container. */
function enterValue(text: string, at: number, open: NestingStack): number {
  let index = at;
  for (;;) {
    const code = text.charCodeAt(index);
    if (code === OPEN_BRACE) {
      index = skipSpace(text, index + 1);
      if (text.charCodeAt(index) === CLOSE_BRACE) return index + 1;
      index = skipKey(text, index);
      if (index < 0) return -1;
    } else if (code === OPEN_BRACKET) {
      index = skipSpace(text, index + 1);
      if (text.charCodeAt(index) === CLOSE_BRACKET) return index + 1;
    } else return endOfScalar(text, index);
    open.push(code);
  }
}

/** From the end of a value, up through what closes behind it, to the start of the next value or the end of all. */
function leaveValue(text: string, at: number, open: NestingStack): number {
  let index = at;
  while (open.depth > 0) {
    index = skipSpace(text, index);
    const code = text.charCodeAt(index);
    if (code === COMMA) {
      index = skipSpace(text, index + 1);
      return open.top === OPEN_BRACE ? skipKey(text, index) : index;
    }
    // "}" and "]" stand two behind "{" and "[" in ASCII.
    if (code !== open.top + 2) return -1;
    open.pop();
    index++;
  }
  return index;
}

/** From an object's key to the start of the value behind its colon; −1: no key. */
function skipKey(text: string, at: number): number {
  if (text.charCodeAt(at) !== QUOTE) return -1;
  const end = endOfString(text, at);
  if (end < 0) return -1;
  const colon = skipSpace(text, end);
  return text.charCodeAt(colon) === COLON ? skipSpace(text, colon + 1) : -1;
}

function endOfScalar(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code === QUOTE) return endOfString(text, at);
  if (code === 0x74) return text.startsWith("true", at) ? at + 4 : -1;
  if (code === 0x66) return text.startsWith("false", at) ? at + 5 : -1;
  if (code === 0x6e) return text.startsWith("null", at) ? at + 4 : -1;
  return matchEnd(NUMBER, text, at);
}

function matchEnd(sticky: RegExp, text: string, at: number): number {
  sticky.lastIndex = at;
  return sticky.test(text) ? sticky.lastIndex : -1;
}

/** The brackets that are open, one byte each. */
class NestingStack {
  depth = 0;
  #codes = new Uint8Array(64);

  get top(): number {
    return this.#codes[this.depth - 1] ?? 0;
  }

  push(code: number): void {
    if (this.depth === this.#codes.length) {
      const grown = new Uint8Array(this.depth * 2);
      grown.set(this.#codes);
      this.#codes = grown;
    }
    this.#codes[this.depth++] = code;
  }

  pop(): void {
    this.depth--;
  }
}
