/** Names of hostile lines in, their bytes out, in chunks of 32 KiB, a good message behind each. */

const CHUNK_BYTES = 32 * 1024;
const MEBIBYTE = 1024 * 1024;
export const GOOD = Buffer.from('\n{"jsonrpc":"2.0","id":1,"method":"tools/list"}\n');

const request = (params: string) => `{"jsonrpc":"2.0","id":1,"method":"ping","params":${params}}`;

/** Each line as the text at its start, the text that is repeated to fill it, how often, and its end. */
const LINES: Record<string, readonly [string, string, number, string]> = {
  "200,000 brackets": ["", "[", 200_000, ""],
  "16 million brackets in params": [request("").slice(0, -1), "[", 16 * MEBIBYTE, ""],
  "8 million pairs of brackets": [
    '{"jsonrpc":"2.0","method":"ping","params":',
    "[",
    8 * MEBIBYTE,
    `${"]".repeat(8 * MEBIBYTE)}}`,
  ],
  "120 MB without an end": ['{"a":"', "x", 120_000_000, ""],
  "31 MiB of empty objects": [
    '{"jsonrpc":"2.0","method":"ping","params":[',
    "{},",
    10 * MEBIBYTE,
    "{}]}",
  ],
  "31 MiB of numbers": ['{"jsonrpc":"2.0","method":"ping","params":[', "0,", 15 * MEBIBYTE, "0]}"],
  "31 MiB of new keys": [
    '{"jsonrpc":"2.0","method":"ping","params":{',
    "KEY",
    2_000_000,
    '"z":1}}',
  ],
  "31 MiB of escapes": [
    '{"jsonrpc":"2.0","method":"ping","params":["',
    "\\u00e9",
    5 * MEBIBYTE,
    '"]}',
  ],
  "31 MiB of two-byte characters": [
    '{"jsonrpc":"2.0","method":"ping","params":["',
    "é",
    15 * MEBIBYTE,
    '"]}',
  ],
  "31 MiB with one wide character": [
    '{"jsonrpc":"2.0","method":"ping","params":["€',
    "x",
    31 * MEBIBYTE,
    '"]}',
  ],
  "31 MiB of a batch": ["[", '{"jsonrpc":"2.0","method":"ping"},', 900_000, "1]"],
  "31 MiB of white space": ['{"jsonrpc":"2.0",', " ", 31 * MEBIBYTE, '"method":"ping"}'],
  "31 MiB of quotes": ["{", '"', 31 * MEBIBYTE, "}"],
  "31 MiB of backslashes": ['{"method":"', "\\", 31 * MEBIBYTE, '"}'],
  "a method of 31 MiB": ['{"jsonrpc":"2.0","id":1,"method":"', "x", 31 * MEBIBYTE, '"}'],
  "a tool's name of 31 MiB": [
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"',
    "x",
    31 * MEBIBYTE,
    '"}}',
  ],
  "an id of 31 MiB": ['{"jsonrpc":"2.0","method":"ping","id":', "1", 31 * MEBIBYTE, "}"],
};

export function* pieces(name: string): Generator<Buffer> {
  const line = LINES[name];
  if (line === undefined) throw new Error(`no hostile line "${name}"`);
  const [start, repeated, times, end] = line;
  yield Buffer.from(start);
  const perPiece = Math.ceil(CHUNK_BYTES / repeated.length);
  for (let done = 0; done < times; done += perPiece) {
    const count = Math.min(perPiece, times - done);
    const text =
      repeated === "KEY"
        ? Array.from({ length: count }, (_, n) => `"${done + n}k":1,`).join("")
        : repeated.repeat(count);
    yield Buffer.from(text);
  }
  yield Buffer.from(end);
  yield GOOD;
}

export const HOSTILE: readonly string[] = Object.keys(LINES);
