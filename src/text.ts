/** Short, independent copies of wire text, for what is kept longer than its message. */

/** Longest name, tool, URI or version that is kept, in UTF-16 units. */
const MAX_NAME_CHARS = 256;

/**
 * Copies a string. A slice of a wire line keeps the whole line in memory (up to 32 MiB) for as
 * long as the slice lives; UTF-16 is used because it also survives lone surrogates.
 */
export function copyText(text: string): string {
  return Buffer.from(text, "utf16le").toString("utf16le");
}

/** A string of at most `maxChars` units, cut in no surrogate pair; what was cut is shown by a final "…". */
export function capText(text: string, maxChars: number = MAX_NAME_CHARS): string {
  if (text.length <= maxChars) return text;
  const last = text.charCodeAt(maxChars - 2);
  const isHalf = last >= 0xd800 && last < 0xdc00;
  return `${copyText(text.slice(0, maxChars - (isHalf ? 2 : 1)))}…`;
}
