/**
 * Typed keys for JSON-RPC ids and MCP tokens: two ids have one key when a peer that parsed and
 * wrote the one again may have written the other ("é" and "\u00e9", 1 and 1.0), and 1 is not "1".
 */

/** Longest run of digits that is certainly below 2^53. */
const SAFE_DIGITS = 15;
const ZERO = 0x30;
const NINE = 0x39;

/** Key of an id's JSON text. */
export function idKey(idText: string): string {
  const length = idText.length;
  if (length <= SAFE_DIGITS && isDigits(idText)) return idText;
  const first = idText.charCodeAt(0);
  if (first === 0x22) return idText.includes("\\") ? rewritten(idText) : idText;
  if (first !== 0x2d && !(first >= ZERO && first <= NINE)) return idText;
  return numberKey(Number(idText));
}

/** Key of a parsed id or token; undefined when it is neither a string nor a number. */
export function valueKey(value: unknown): string | undefined {
  if (typeof value === "string") return JSON.stringify(value);
  return typeof value === "number" ? numberKey(value) : undefined;
}

function numberKey(value: number): string {
  // -0 and 0 are written alike
  return String(value === 0 ? 0 : value);
}

function isDigits(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < ZERO || code > NINE) return false;
  }
  return text.length > 0;
}

function rewritten(idText: string): string {
  try {
    return JSON.stringify(JSON.parse(idText)) ?? idText;
  } catch {
    return idText;
  }
}
