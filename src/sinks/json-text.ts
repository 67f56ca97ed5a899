/** Text from the wire in, JSON text out that is safe inside one output line. */
import { UNSAFE } from "../json-readers.ts";

const UNSAFE_CHAR = new RegExp(UNSAFE);
const UNSAFE_CHARS = new RegExp(UNSAFE, "g");

/** True when the text may stand in a line as it is. */
export function isLineSafe(text: string): boolean {
  return !UNSAFE_CHAR.test(text);
}

/**
 * Valid JSON text with the same value and no unsafe character. JSON allows these outside strings only as
 * white space (tab, CR, LF), which becomes a space; inside strings they become \uXXXX escapes.
 */
export function lineSafeJson(json: string): string {
  if (!UNSAFE_CHAR.test(json)) return json;
  // Raw C0 controls are not valid inside JSON strings, so those that are here are white space.
  return json.replace(UNSAFE_CHARS, (char) => (char < " " ? " " : escapeUnit(char)));
}

/** A string as JSON text without unsafe characters; U+FFFD for halves of surrogate pairs, which no UTF-8 holds. */
export function quote(text: string): string {
  return lineSafeJson(JSON.stringify(text.toWellFormed()));
}

/** Any JSON value as JSON text without unsafe characters; undefined becomes null. */
export function stringify(value: unknown): string {
  return lineSafeJson(JSON.stringify(value) ?? "null");
}

function escapeUnit(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
