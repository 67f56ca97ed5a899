/** Bytes where a frame of HTTP/2 may begin in, its header out, and whether it is one. */

/** Source: RFC 9113, 6. */
export const DATA = 0;
export const HEADERS = 1;
export const PRIORITY = 2;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PUSH_PROMISE = 5;
export const PING = 6;
export const GOAWAY = 7;
export const WINDOW_UPDATE = 8;
export const CONTINUATION = 9;

export const END_STREAM = 0x01;
export const END_HEADERS = 0x04;
export const PADDED = 0x08;
export const HAS_PRIORITY = 0x20;

export const FRAME_HEADER = 9;

export interface FrameHeader {
  /** Of the payload. */
  readonly length: number;
  readonly type: number;
  readonly flags: number;
  /** 0: of the whole connection. */
  readonly stream: number;
}

/** What a client sends first. Source: RFC 9113, 3.4. */
export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** Larger frames must be asked for by SETTINGS; what is recognised behind a hole is to be a usual one. */
const USUAL_LENGTH = 16 * 1024;
/** Frames in a row that are looked at. */
const MAX_LOOKED_AT = 4;

const BODY_START = /^(?:\s*[{[]|(?:event|data|id|retry):|:)/;
const LONGEST_START = 8;

/** Places of the table that heads begin with, by RFC 7541, A: ":authority" to ":status"; those that were added. */
const LAST_PSEUDO = 14;
const FIRST_DYNAMIC = 62;

/** The flags that each type of frame may have, by its number. */
const KNOWN_FLAGS: readonly number[] = [0x09, 0x2d, 0, 0, 0x01, 0x0c, 0x01, 0, 0, 0x04];

/** Reads the header at `at`, where there are 9 bytes. */
export function readFrameHeader(bytes: Buffer, at: number): FrameHeader {
  return {
    length: bytes.readUIntBE(at, 3),
    type: bytes[at + 3] ?? 0,
    flags: bytes[at + 4] ?? 0,
    stream: bytes.readUInt32BE(at + 5) & 0x7fffffff,
  };
}

/** False: neither end would go on behind it. Types that are not known are passed over. Source: RFC 9113, 4.2, 5.5 and 6. */
export function isLegal({ length, type, flags, stream }: FrameHeader): boolean {
  switch (type) {
    case DATA:
    case HEADERS:
    case PUSH_PROMISE:
    case CONTINUATION:
      return stream > 0;
    case PRIORITY:
      return stream > 0 && length === 5;
    case RST_STREAM:
      return stream > 0 && length === 4;
    case SETTINGS:
      return stream === 0 && length % 6 === 0 && (length === 0 || (flags & 1) === 0);
    case PING:
      return stream === 0 && length === 8;
    case GOAWAY:
      return stream === 0 && length >= 8;
    case WINDOW_UPDATE:
      return length === 4;
    default:
      return length <= USUAL_LENGTH;
  }
}

/**
 * Whether a read that may begin anywhere begins with frames: one at least, and all that follow it there, of usual types,
 * lengths and flags. By chance about one in a thousand million random reads does; but what is left of a frame's header, cut
 * off by a hole, may look like another's: one of which there is not all must also go on as such a frame does.
 */
export function startsWithFrames(bytes: Buffer): boolean {
  let at = 0;
  for (let count = 0; count < MAX_LOOKED_AT; count++) {
    if (at + FRAME_HEADER > bytes.length) return count > 0;
    const header = readFrameHeader(bytes, at);
    if (!isUsual(header) || (bytes[at + 5] ?? 0) > 0x7f) return false;
    const from = at + FRAME_HEADER;
    at = from + header.length;
    if (count > 0) continue;
    if (header.type === CONTINUATION || header.type === PUSH_PROMISE) return false;
    if (at > bytes.length && from < bytes.length) return goesOn(header, bytes, from);
  }
  return true;
}

function isUsual(header: FrameHeader): boolean {
  const { length, type, flags, stream } = header;
  const known = KNOWN_FLAGS[type];
  if (known === undefined || (flags & ~known) !== 0 || length > USUAL_LENGTH) return false;
  // what a client opens has an odd number; an empty one carries nothing but an end
  if (type <= HEADERS && (stream % 2 === 0 || (length === 0 && flags === 0))) return false;
  return isLegal(header);
}

/** As data that is of interest does (JSON, an event), or a header block: with a field that the static table names. */
function goesOn({ type, flags }: FrameHeader, bytes: Buffer, from: number): boolean {
  const at = (flags & PADDED) === 0 ? from : from + 1;
  if (type === DATA) return BODY_START.test(bytes.toString("latin1", at, at + LONGEST_START));
  if (type !== HEADERS) return false;
  const first = bytes[(flags & HAS_PRIORITY) === 0 ? at : at + 5] ?? 0;
  // RFC 7541, 6: a whole field by its place, or a value with the name of a place; that text is none of these is of use here
  if (first >= 0x80) return first <= 0x80 + LAST_PSEUDO || first >= 0x80 + FIRST_DYNAMIC;
  if (first >= 0x40) return first > 0x40 && first <= 0x40 + LAST_PSEUDO;
  return first < 0x20 && (first & 0x0f) > 0 && (first & 0x0f) <= LAST_PSEUDO;
}

/**
 * What the first bytes of a direction begin: "request", a client's preface; "response", a server's, which is SETTINGS;
 * "open", what is there may become one. Source: RFC 9113, 3.4.
 */
export function readFirstFrame(bytes: Buffer): "request" | "response" | "other" | "open" {
  const length = Math.min(bytes.length, PREFACE.length);
  if (length === 0) return "open";
  if (bytes.compare(PREFACE, 0, length, 0, length) === 0) {
    return length === PREFACE.length ? "request" : "open";
  }
  const settings = Buffer.of(0, 0, bytes[2] ?? 0, SETTINGS, 0, 0, 0, 0, 0);
  const shown = Math.min(bytes.length, FRAME_HEADER);
  if (bytes.compare(settings, 0, shown, 0, shown) !== 0) return "other";
  if (shown < FRAME_HEADER) return "open";
  return isLegal(readFrameHeader(bytes, 0)) ? "response" : "other";
}
