/** The JSON text of an id in, one text per id out. */
import { copyText } from "../text.ts";

export interface CanonicalId {
  readonly text: string;
  /** False: an object, an array, true or false, which JSON-RPC forbids. */
  readonly valid: boolean;
}

/** Digits that survive a way through a double. */
const EXACT_DIGITS = 15;
const ZERO = 0x30;

/**
 * Ids that JSON-RPC says are equal get the same text: `"\u0061"` and `"a"`, `1.0` and `1`; `1` and
 * `"1"` do not. Numbers that a double does not hold exactly keep the text of the wire.
 * The text shares no memory with `text`, so keeping it does not keep the line.
 */
export function canonicalId(text: string): CanonicalId {
  const small = smallInteger(text);
  if (small >= 0) return { text: String(small), valid: true };
  const first = text.charCodeAt(0);
  if (first === 0x22)
    return { text: escapeControls(JSON.stringify(JSON.parse(text))), valid: true };
  if (text === "null") return { text: "null", valid: true };
  if (first === 0x2d || (first >= 0x30 && first <= 0x39)) {
    return { text: canonicalNumber(text), valid: true };
  }
  return { text: copyText(text), valid: false };
}

/** Most ids are such: a few digits, which are their own text. −1: it is none. */
function smallInteger(text: string): number {
  const { length } = text;
  if (length > EXACT_DIGITS || (length > 1 && text.charCodeAt(0) === ZERO)) return -1;
  let value = 0;
  for (let index = 0; index < length; index++) {
    const digit = text.charCodeAt(index) - ZERO;
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  return length > 0 ? value : -1;
}

/** What a terminal obeys or hides, as escapes: the wire may have had it escaped, and ids are printed as they are. */
function escapeControls(json: string): string {
  return json.replace(
    /[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function canonicalNumber(text: string): string {
  const mantissa = text.replace(/[eE].*/, "");
  const digits = mantissa.replace(/[-.]/g, "").replace(/^0+/, "");
  const value = Number(text);
  const exact =
    digits.length <= EXACT_DIGITS &&
    Math.abs(value) <= Number.MAX_SAFE_INTEGER &&
    // 1e-400 is no zero.
    (value !== 0 || digits === "");
  // String(-0) is "0".
  return exact ? String(value) : copyText(text);
}
