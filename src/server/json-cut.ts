/** The beginning of a JSON text in; text whose every token is whole out, so that it can be walked. */

/** A string that the cut went through is closed; an escape that it went through is left out. Whole JSON stays as it is. */
export function closeJson(text: string): string {
  let inString = false;
  let at = 0;
  let escapeAt = -1;
  while (at < text.length) {
    const char = text.charCodeAt(at);
    if (!inString) {
      inString = char === QUOTE;
      at += 1;
    } else if (char === BACKSLASH) {
      escapeAt = at;
      at += text.charCodeAt(at + 1) === LETTER_U ? 6 : 2;
    } else {
      inString = char !== QUOTE;
      at += 1;
    }
  }
  if (at > text.length) return `${text.slice(0, escapeAt)}"`;
  return inString ? `${text}"` : text;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LETTER_U = 0x75;
