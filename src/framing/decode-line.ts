/** The bytes of one line in, its text and what was irregular about them out. */
import { isUtf8 } from "node:buffer";
import type { Flag } from "./types.ts";

export interface LineText {
  /** Without line end and byte order mark; undecodable bytes are U+FFFD. */
  readonly text: string;
  readonly flags: readonly Flag[];
}

const NO_FLAGS: readonly Flag[] = [];
const BOM: readonly Flag[] = ["bom"];
const INVALID_UTF8: readonly Flag[] = ["invalid_utf8"];
const BOM_AND_INVALID_UTF8: readonly Flag[] = ["bom", "invalid_utf8"];

/** Decodes `bytes[from, to)`; a trailing "\n" or "\r\n" is dropped. */
export function decodeLine(bytes: Buffer, from: number, to: number): LineText {
  let end = to;
  if (end > from && bytes[end - 1] === 0x0a) {
    end--;
    if (end > from && bytes[end - 1] === 0x0d) end--;
  }
  const bom = startsWithBom(bytes, from, end);
  const start = bom ? from + 3 : from;
  const text = bytes.toString("utf8", start, end);
  // U+FFFD may also have been on the wire; only then are the bytes looked at again.
  const invalid = text.includes("\ufffd") && !isUtf8(bytes.subarray(start, end));
  if (!bom) return { text, flags: invalid ? INVALID_UTF8 : NO_FLAGS };
  return { text, flags: invalid ? BOM_AND_INVALID_UTF8 : BOM };
}

function startsWithBom(bytes: Buffer, from: number, end: number): boolean {
  return (
    end - from >= 3 && bytes[from] === 0xef && bytes[from + 1] === 0xbb && bytes[from + 2] === 0xbf
  );
}
