/** The first bytes of a channel or a read in, what they begin out: an HTTP/1 request, an HTTP/1 answer, or neither. */
import { TOKEN } from "./token.ts";

/** "open": what is there may yet become the one or the other. */
export type FirstBytes = "request" | "response" | "other" | "open";

/** Longest method name; longer words are text. */
const MAX_METHOD = 32;
/** Longest target that is waited for. */
const MAX_TARGET = 8 * 1024;
const VERSION = Buffer.from("HTTP/1.");
const SPACE = 0x20;

/** Looks at `bytes[from, to)`, which may end anywhere. Source: RFC 9112, 3 and 4. */
export function readFirstBytes(bytes: Buffer, from: number, to: number): FirstBytes {
  const status = startsWith(bytes, from, to, VERSION);
  if (status !== "no") return status === "whole" ? "response" : "open";
  let at = from;
  const methodLimit = Math.min(to, from + MAX_METHOD);
  while (at < methodLimit && TOKEN[bytes[at] ?? 0] === 1) at++;
  if (at === to) return at - from < MAX_METHOD ? "open" : "other";
  if (bytes[at] !== SPACE || at === from) return "other";
  return readTarget(bytes, at + 1, to);
}

function readTarget(bytes: Buffer, from: number, to: number): FirstBytes {
  const limit = Math.min(to, from + MAX_TARGET);
  let hasColon = false;
  let at = from;
  while (at < limit && (bytes[at] ?? 0) > SPACE) {
    if (bytes[at] === 0x3a) hasColon = true;
    at++;
  }
  // "/path", "*", "http://host/path", "host:443": a log that says "using transport HTTP/1.1" has none of them
  const isTarget = bytes[from] === 0x2f || bytes[from] === 0x2a || hasColon;
  if (at === to) return at - from < MAX_TARGET ? "open" : "other";
  if (bytes[at] !== SPACE || at === from || !isTarget) return "other";
  const version = startsWith(bytes, at + 1, to, VERSION);
  if (version === "whole") return "request";
  return version === "part" ? "open" : "other";
}

/** "part": `bytes[from, to)` is a proper start of `wanted`. */
function startsWith(
  bytes: Buffer,
  from: number,
  to: number,
  wanted: Buffer,
): "whole" | "part" | "no" {
  const length = Math.min(to - from, wanted.length);
  for (let i = 0; i < length; i++) if (bytes[from + i] !== wanted[i]) return "no";
  return length === wanted.length ? "whole" : "part";
}

const EVENT_CHUNK = /^[0-9a-fA-F]{1,7}\r\n(?:(?:event|data|id|retry):|:)/;
/** As far as it is there; what follows "GET /mcp " begins with a version, too. */
const STATUS = /^HTTP\/1\.(?:$|\d(?:$| (?:$|\d{1,2}$|\d{3})))/;
/** "T /mcp HTTP/1.1" is the rest of a request line. Source: RFC 9110, 9.3; RFC 5789. */
const KNOWN_METHOD = /^(?:GET|POST|DELETE|HEAD|OPTIONS|PUT|PATCH|CONNECT|TRACE) /;
const LONGEST_TELLING = 16;

/**
 * What a read begins with that may begin anywhere in a message. "events": an HTTP chunk in which a server-sent event begins,
 * of an answer that began unheard.
 */
export function readResume(bytes: Buffer): "request" | "response" | "events" | undefined {
  const start = bytes.toString("latin1", 0, LONGEST_TELLING);
  if (EVENT_CHUNK.test(start)) return "events";
  if (STATUS.test(start)) return "response";
  if (!KNOWN_METHOD.test(start)) return undefined;
  return readFirstBytes(bytes, 0, bytes.length) === "other" ? undefined : "request";
}
