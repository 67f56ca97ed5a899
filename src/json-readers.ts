/** Valid JSON text from the wire in, whether every reader of our lines takes it as it is out: jq 1.6, Python, Go. */
import { endOfString } from "./json-grammar.ts";

/**
 * How a member is given out that some reader would stop at: as its text in a string, and nothing else (`text`), or with U+FFFD
 * for halves of surrogate pairs, and its text beside it (`mended`).
 */
export type Unfit = "text" | "mended";

/**
 * Levels of nesting that every reader takes, four of ours around them: jq 1.6 stops at 256, and counts an object twice, as
 * is done here. Python stops at a thousand, Go at ten thousand.
 */
export const MAX_LEVELS = 250;

/** Text without room for more: a level takes two characters, of an object more, but for an empty one, in which two take two. */
export const SHALLOW_CHARS = 2 * MAX_LEVELS - 4;

/** Python refuses integers of more than 4,300 digits; and it bounds what is to be looked at. */
const MAX_NUMBER_CHARS = 300;

/** In a longer text every half that is mended would be one more piece of a string; only the text is given out. */
const MAX_MENDED_CHARS = 1 << 18;

const QUOTE = 0x22;
const MINUS = 0x2d;
const BACKSLASH_U = "\\u";
const ESCAPE_CHARS = BACKSLASH_U.length + 4;

/**
 * Characters that no output line carries raw: C0, DEL and C1 controls, line and paragraph separators, and those that turn the
 * direction of writing. A terminal that shows the line must not obey them.
 */
export const UNSAFE = "[\\0-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]";

/** Of a number that no double holds, three digits of an exponent, or many before it. */
const HUGE_NUMBER = "\\d[eE]\\+?\\d{3}|\\d{200}";

const SURROGATE = /\\u[dD][89a-fA-F]/;

/** Of an id's text; undefined: a string, a number or null, and every reader takes it. */
export function unfitId(idText: string): Unfit | undefined {
  const first = idText.charCodeAt(0);
  if (first === QUOTE) return unfitStrings(idText);
  if (first === MINUS || isDigit(first)) return isFitNumber(idText) ? undefined : "text";
  return idText === "null" ? undefined : "text";
}

/** Of JSON text of which nothing but its strings is in doubt: jq 1.6 stops at half of a surrogate pair, Python cannot print it. */
export function unfitStrings(json: string): Unfit | undefined {
  if (!hasLoneSurrogate(json)) return undefined;
  return json.length <= MAX_MENDED_CHARS ? "mended" : "text";
}

/** Go refuses numbers that no double holds; "1e309" is the shortest. */
export function isFitNumber(number: string): boolean {
  const { length } = number;
  return length < 5 || (length <= MAX_NUMBER_CHARS && Number.isFinite(Number(number)));
}

const UNSAFE_OR_HUGE = new RegExp(`${UNSAFE}|${HUGE_NUMBER}`);

/** In one look: a line may carry it raw, and all its numbers are fit. False: one of both may not be so. */
export function isPlain(json: string): boolean {
  return !UNSAFE_OR_HUGE.test(json);
}

/** Whether the character at `at`, which is in no string, is of a number that is not fit. Looks a bounded way around it. */
export function isInUnfitNumber(json: string, at: number): boolean {
  let start = at;
  while (at - start <= MAX_NUMBER_CHARS && isOfNumber(json.charCodeAt(start - 1))) start--;
  const first = json.charCodeAt(start);
  if (first !== MINUS && !isDigit(first)) return false;
  let end = at + 1;
  while (end - start <= MAX_NUMBER_CHARS && isOfNumber(json.charCodeAt(end))) end++;
  return !isFitNumber(json.slice(start, end));
}

/** How many levels a bracket opens or closes: those of objects, "{" and "}", have the bit of lower case. */
export function levelsOf(bracket: number): number {
  return 1 + ((bracket >> 5) & 1);
}

/**
 * False: it has not more than MAX_LEVELS. Of short text about half is looked at, in hops from bracket to bracket: behind `end`
 * there is no room for as many levels as those before it leave. Brackets in strings count, too.
 */
export function mayBeDeep(json: string): boolean {
  let end = json.length - SHALLOW_CHARS;
  if (end <= 0) return false;
  let array = json.indexOf("[");
  let object = json.indexOf("{");
  for (;;) {
    if (array >= 0 && array < end) {
      end += 2;
      array = json.indexOf("[", array + 1);
    } else if (object >= 0 && object < end) {
      end += 4;
      object = json.indexOf("{", object + 1);
    } else return end >= json.length;
  }
}

/** Whether it has more levels than every reader takes. */
export function isTooDeep(json: string): boolean {
  let levels = 0;
  for (let at = 0; at < json.length && levels <= MAX_LEVELS; at++) {
    const char = json[at];
    if (char === '"') at = endOfString(json, at) - 1;
    else if (char === "{" || char === "[") levels += levelsOf(json.charCodeAt(at));
    else if (char === "}" || char === "]") levels -= levelsOf(json.charCodeAt(at));
  }
  return levels > MAX_LEVELS;
}

/** Whether an escape is half of a surrogate pair without the other. Each look costs more than the one before it. */
export function hasLoneSurrogate(json: string): boolean {
  return (
    json.includes("\\") &&
    json.includes(BACKSLASH_U) &&
    SURROGATE.test(json) &&
    nextLone(json, 0) >= 0
  );
}

/** The same JSON with U+FFFD where an escape is half of a surrogate pair, as Go reads it. */
export function mendSurrogates(json: string): string {
  let out = "";
  let copied = 0;
  for (let at = nextLone(json, 0); at >= 0; at = nextLone(json, copied)) {
    out += `${json.slice(copied, at)}\\ufffd`;
    copied = at + ESCAPE_CHARS;
  }
  return out + json.slice(copied);
}

/** Where from `from` on, which is inside no escape, the first escape is half of a surrogate pair alone; −1: nowhere. */
function nextLone(json: string, from: number): number {
  let at = json.indexOf("\\", from);
  while (at >= 0) {
    const length = lengthOfEscape(json, at);
    if (length === 0) return at;
    at = json.indexOf("\\", at + length);
  }
  return -1;
}

/** 0: it is half of a surrogate pair alone. */
function lengthOfEscape(json: string, at: number): number {
  if (!json.startsWith(BACKSLASH_U, at)) return 2;
  switch (halfAt(json, at)) {
    case "none":
      return ESCAPE_CHARS;
    case "high": {
      const next = at + ESCAPE_CHARS;
      const isPair = json.startsWith(BACKSLASH_U, next) && halfAt(json, next) === "low";
      return isPair ? 2 * ESCAPE_CHARS : 0;
    }
    case "low":
      return 0;
  }
}

/** Of the escape of a UTF-16 unit at `at`: U+D800 to U+DBFF are the first halves of pairs, U+DC00 to U+DFFF the second. */
function halfAt(json: string, at: number): "high" | "low" | "none" {
  const digits = json.slice(at + BACKSLASH_U.length, at + BACKSLASH_U.length + 2).toLowerCase();
  if (digits < "d8" || digits > "df") return "none";
  return digits < "dc" ? "high" : "low";
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** A digit or one of "+-.Ee". */
function isOfNumber(code: number): boolean {
  return (
    isDigit(code) ||
    code === MINUS ||
    code === 0x2b ||
    code === 0x2e ||
    code === 0x45 ||
    code === 0x65
  );
}
