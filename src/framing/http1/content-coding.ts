/** A body as it was sent in, the body without its content codings out, or why there is none. */
// Pure computation: the synchronous calls do no I/O.
import {
  brotliDecompressSync,
  constants,
  gunzipSync,
  inflateRawSync,
  inflateSync,
  zstdDecompressSync,
} from "node:zlib";

import type { DeflateSegments } from "./deflate-segments.ts";

/** Each may multiply its input a thousand times. */
const MAX_CODINGS = 3;

const KNOWN: ReadonlySet<string> = new Set(["gzip", "x-gzip", "deflate", "br", "zstd"]);

export function isKnownCoding(coding: string): boolean {
  return KNOWN.has(coding);
}

/** "too_long": more than `maxBytes`; "bad": corrupt, or a coding that is not known. */
export type Decoded = Buffer | "too_long" | "bad";

/**
 * `codings` in the order in which they were applied. `isPart`: more of the body may come, what is there is wanted.
 * `segments`: `body` is what follows these.
 */
export function decodeContent(
  body: Buffer,
  codings: readonly string[],
  maxBytes: number,
  isPart: boolean,
  segments?: DeflateSegments,
): Decoded {
  if (codings.length > MAX_CODINGS) return "bad";
  let bytes = body;
  for (const coding of codings.toReversed()) {
    try {
      const plain =
        segments?.rest(bytes, maxBytes, isPart) ?? decodeOne(bytes, coding, maxBytes, isPart);
      if (plain === undefined) return "bad";
      bytes = plain;
    } catch (error) {
      return isTooLong(error) ? "too_long" : "bad";
    }
  }
  return bytes;
}

function decodeOne(bytes: Buffer, coding: string, maxOutputLength: number, isPart: boolean) {
  const { Z_FINISH, Z_SYNC_FLUSH, BROTLI_OPERATION_FINISH, BROTLI_OPERATION_FLUSH } = constants;
  const options = { maxOutputLength, finishFlush: isPart ? Z_SYNC_FLUSH : Z_FINISH };
  switch (coding) {
    case "gzip":
    case "x-gzip":
      return gunzipSync(bytes, options);
    case "deflate":
      return (bytes[0] ?? 0) % 16 === 8
        ? inflateSync(bytes, options)
        : inflateRawSync(bytes, options);
    case "br": {
      const finishFlush = isPart ? BROTLI_OPERATION_FLUSH : BROTLI_OPERATION_FINISH;
      return brotliDecompressSync(bytes, { maxOutputLength, finishFlush });
    }
    case "zstd": {
      const finishFlush = isPart ? constants.ZSTD_e_flush : constants.ZSTD_e_end;
      return zstdDecompressSync(bytes, { maxOutputLength, finishFlush });
    }
    default:
      return undefined;
  }
}

function isTooLong(error: unknown): boolean {
  return error instanceof RangeError && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
}
