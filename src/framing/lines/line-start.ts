/** The first bytes of a line in, what kind of line it is out; a read that begins anywhere in, whether lines are in it out. */
import { VERSION_KEY } from "../../json-grammar.ts";

/**
 * "json": its first character is `{` or `[`; "other": it is not; "open": only white space so far.
 */
export type LineStart = "json" | "other" | "open";

/** What the current line of a channel is: "head": it may tell a text's length; "dropped": it is lost up to its end. */
export type LineState = LineStart | "head" | "dropped";

/** White space before the bracket, in bytes; a longer indent is no message. Bounds what is looked at again. */
const MAX_INDENT = 256;

/** Looks at `bytes[from, to)`, which begins a line and may end anywhere. A byte order mark may stand first. */
export function readLineStart(bytes: Uint8Array, from: number, to: number): LineStart {
  let at = from;
  if (bytes[from] === 0xef) {
    if (to - from > 1 && bytes[from + 1] !== 0xbb) return "other";
    if (to - from > 2 && bytes[from + 2] !== 0xbf) return "other";
    at = Math.min(from + 3, to);
  }
  const limit = Math.min(to, from + MAX_INDENT);
  for (; at < limit; at++) {
    const byte = bytes[at];
    if (byte === 0x7b || byte === 0x5b) return "json";
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) return "other";
  }
  return to > limit ? "other" : "open";
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/** Texts looked at for one that begins a line. */
const MAX_LOOKS = 16;

/**
 * A line of JSON-RPC begins in a read that may itself begin anywhere. Not behind "\r\n": there ends a head or a chunk's
 * line of HTTP, and what follows is a body.
 */
export function hasJsonRpcLine(bytes: Buffer): boolean {
  let at = bytes.indexOf(VERSION_KEY);
  for (let looks = 0; at > 0 && looks < MAX_LOOKS; looks++) {
    const start = bytes.lastIndexOf(LINE_FEED, at) + 1;
    const isBody = start > 1 && bytes[start - 2] === CARRIAGE_RETURN;
    if (!isBody && readLineStart(bytes, start, at) === "json") return true;
    at = bytes.indexOf(VERSION_KEY, at + VERSION_KEY.length);
  }
  return false;
}
