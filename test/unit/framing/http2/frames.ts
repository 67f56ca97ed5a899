/** Streams of HTTP/2 as a test writes them in, the bytes of their frames out. */

export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export const DATA = 0;
export const HEADERS = 1;
export const RST_STREAM = 3;
export const PUSH_PROMISE = 5;
export const CONTINUATION = 9;
export const END_STREAM = 1;
export const END_HEADERS = 4;
export const PADDED = 8;
export const PRIORITY = 0x20;

export type Fields = readonly (readonly [string, string])[];

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: string | Uint8Array = "",
): Buffer {
  const body = Buffer.from(payload);
  const header = Buffer.alloc(9);
  header.writeUIntBE(body.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, body]);
}

export const SETTINGS = frame(4, 0, 0, Buffer.of(0, 3, 0, 0, 0, 100));
export const SETTINGS_ACK = frame(4, 1, 0);
export const WINDOW_UPDATE = frame(8, 0, 0, Buffer.of(0, 1, 0, 0));
export const PING = frame(6, 0, 0, Buffer.alloc(8, 7));
/** What each end sends first. */
export const HELLO = Buffer.concat([PREFACE, SETTINGS, WINDOW_UPDATE]);
export const WELCOME = Buffer.concat([SETTINGS, SETTINGS_ACK]);

function integer(value: number, prefix: number, first: number): Buffer {
  const most = 2 ** prefix - 1;
  if (value < most) return Buffer.of(first | value);
  const bytes = [first | most];
  let rest = value - most;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  return Buffer.concat([integer(bytes.length, 7, 0), bytes]);
}

/** A literal field; "added": with incremental indexing. Source: RFC 7541, 6.2. */
export function literal([name, value]: readonly [string, string], isAdded = false): Buffer {
  return Buffer.concat([Buffer.of(isAdded ? 0x40 : 0), text(name), text(value)]);
}

/** A field by its place in the tables. Source: RFC 7541, 6.1. */
export function indexed(index: number): Buffer {
  return integer(index, 7, 0x80);
}

/** A literal value with a name by its place. */
export function named(index: number, value: string, isAdded = false): Buffer {
  const place = isAdded ? integer(index, 6, 0x40) : integer(index, 4, 0);
  return Buffer.concat([place, text(value)]);
}

/** Source: RFC 7541, 6.3. */
export function resize(size: number): Buffer {
  return integer(size, 5, 0x20);
}

export function block(fields: Fields, isAdded = false): Buffer {
  return Buffer.concat(fields.map((field) => literal(field, isAdded)));
}

/** One HEADERS frame. */
export function head(stream: number, fields: Fields | Buffer, isLast = false): Buffer {
  const payload = Buffer.isBuffer(fields) ? fields : block(fields);
  return frame(HEADERS, END_HEADERS | (isLast ? END_STREAM : 0), stream, payload);
}

export function data(stream: number, payload: string | Uint8Array, isLast = false): Buffer {
  return frame(DATA, isLast ? END_STREAM : 0, stream, payload);
}

export function reset(stream: number, code = 8): Buffer {
  return frame(RST_STREAM, 0, stream, Buffer.of(0, 0, 0, code));
}

export const ASK: Fields = [
  [":method", "POST"],
  [":scheme", "http"],
  [":authority", "127.0.0.1:3001"],
  [":path", "/mcp"],
  ["content-type", "application/json"],
  ["accept", "application/json, text/event-stream"],
];
export const OK: Fields = [
  [":status", "200"],
  ["content-type", "application/json"],
];
export const EVENTS: Fields = [
  [":status", "200"],
  ["content-type", "text/event-stream"],
];

/** A POST as an MCP client sends it. */
export function ask(stream: number, body: string, more: Fields = []): Buffer {
  return Buffer.concat([head(stream, [...ASK, ...more]), data(stream, body, true)]);
}

export function answer(stream: number, body: string, more: Fields = []): Buffer {
  return Buffer.concat([head(stream, [...OK, ...more]), data(stream, body, true)]);
}
