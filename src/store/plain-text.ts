/** Text from the wire or the system in, text that any reader of SQLite gives back as it is out. */

/** Longest name that is stored, in UTF-16 units. */
const MAX_CHARS = 4096;

/** Many readers end a text at a NUL, and UTF-8 has no halves of surrogate pairs: both are shown by others. */
export function plainText(text: string): string {
  const short = text.length <= MAX_CHARS ? text : `${text.slice(0, MAX_CHARS - 1)}…`;
  return wholeText(short);
}

/** As `plainText`, of any length. */
export function wholeText(text: string): string {
  const formed = text.isWellFormed() ? text : text.toWellFormed();
  return formed.includes("\0") ? formed.replaceAll("\0", "\u2400") : formed;
}

export function plainOrNull(text: string | undefined): string | null {
  return text === undefined ? null : plainText(text);
}

/** Longer JSON text is not stored: cut, it would be none. */
const MAX_JSON_CHARS = 65_536;

/** JSON text from the wire; null where there is none, or too much. */
export function jsonOrNull(json: string | undefined): string | null {
  return json === undefined || json.length > MAX_JSON_CHARS ? null : wholeText(json);
}
