/** Text from the wire in, JSON text out that is safe inside one output line. */

/**
 * Characters that no output line carries raw: C0, DEL and C1 controls, line and paragraph separators,
 * and those that turn the direction of writing. A terminal that shows the line must not obey them.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is its purpose
const UNSAFE = /[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const UNSAFE_ALL = /[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** True when the text may stand in a line as it is. */
export function isLineSafe(text: string): boolean {
  return !UNSAFE.test(text);
}

/**
 * Valid JSON text with the same value and no unsafe character. JSON allows these outside strings only as
 * white space (tab, CR, LF), which becomes a space; inside strings they become \uXXXX escapes.
 */
export function lineSafeJson(json: string): string {
  if (!UNSAFE.test(json)) return json;
  // Raw C0 controls are not valid inside JSON strings, so those that are here are white space.
  return json.replace(UNSAFE_ALL, (char) => (char < " " ? " " : escapeUnit(char)));
}

/** A string as JSON text without unsafe characters. */
export function quote(text: string): string {
  return lineSafeJson(JSON.stringify(text));
}

/** Any JSON value as JSON text without unsafe characters; undefined becomes null. */
export function stringify(value: unknown): string {
  return lineSafeJson(JSON.stringify(value) ?? "null");
}

function escapeUnit(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
