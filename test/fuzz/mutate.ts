/** Bytes in, the same bytes with something wrong out. */
import type { Random } from "./target.ts";

const MAX_BYTES = 4096;

/** Text that parsers of lines, JSON and HTTP stumble over. */
const TOKENS = [
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  '"',
  "\\",
  "\n",
  "\r\n",
  " ",
  "\t",
  "\0",
  "\u0007",
  "\ufeff",
  "\u2028",
  "true",
  "null",
  "-0",
  "1e400",
  "9007199254740993",
  "\\u0061",
  "\\ud800",
  '\\"',
  '"id":',
  '"method":',
  '"params":{',
  '"result":',
  '"error":',
  '"jsonrpc":"2.0"',
  '},"',
  "}}",
  "[[[[[[[[",
  "__proto__",
  "\ufffd",
  "\r\n\r\n",
  "\r",
  "0\r\n\r\n",
  "\x1e<",
  "Content-Length: 9\r\n",
  "Transfer-Encoding: chunked\r\n",
  "HTTP/1.1 200 OK\r\n",
  "POST /mcp HTTP/1.1\r\n",
  "data: ",
].map((token) => Buffer.from(token));

const INVALID_UTF8 = [
  [0xff],
  [0xc3],
  [0xed, 0xa0, 0x80],
  [0xef, 0xbb],
  [0xf0, 0x9f, 0x8e],
  [0x80],
].map((bytes) => Buffer.from(bytes));

/** One to eight changes to `input`; `other` is where foreign pieces are taken from. */
export function mutate(input: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  let bytes: Buffer = Buffer.from(input);
  for (let left = 1 + random(8); left > 0; left--) bytes = change(bytes, other, random);
  return bytes.subarray(0, MAX_BYTES);
}

function change(bytes: Buffer, other: Uint8Array, random: Random): Buffer {
  const at = random(bytes.length + 1);
  const to = Math.min(bytes.length, at + 1 + random(16));
  switch (random(7)) {
    case 0: {
      const changed = Buffer.from(bytes);
      if (at < changed.length) changed[at] = random(256);
      return changed;
    }
    case 1:
      return replace(bytes, at, to, Buffer.alloc(0));
    case 2:
      return replace(bytes, at, at, bytes.subarray(at, to));
    case 3:
      return replace(bytes, at, at, pick(INVALID_UTF8, random));
    case 4: {
      const from = random(other.length);
      return replace(bytes, at, to, Buffer.from(other.subarray(from, from + 1 + random(64))));
    }
    default:
      return replace(bytes, at, random(2) === 0 ? at : to, pick(TOKENS, random));
  }
}

function replace(bytes: Buffer, from: number, to: number, by: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, from), by, bytes.subarray(to)]);
}

function pick(values: readonly Buffer[], random: Random): Buffer {
  return values[random(values.length)] ?? Buffer.alloc(0);
}
