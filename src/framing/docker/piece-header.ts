/** The first bytes of a piece of Docker's multiplexed stream in, whose output it is and how long out. */

/** Which stream of the container: 0: input, echoed; 1: output; 2: errors; 3: an error of the daemon. */
export interface PieceHeader {
  readonly stream: number;
  /** Of its content. */
  readonly length: number;
}

export const HEADER_BYTES = 8;
export const OUTPUT = 1;
const LAST_STREAM = 3;
/** One write of the container's, at most; the daemon itself copies 32 KiB at a time. */
const MAX_LENGTH = 1 << 26;
const HEADER_START = Buffer.from([OUTPUT, 0, 0, 0]);

/** The header at `at`; undefined: none is there, or not all of it. Source: Docker Engine API, ContainerAttach, Stream format. */
export function readPieceHeader(bytes: Buffer, at: number): PieceHeader | undefined {
  if (bytes.length - at < HEADER_BYTES) return undefined;
  const stream = bytes[at] ?? 0;
  const isPadded = bytes[at + 1] === 0 && bytes[at + 2] === 0 && bytes[at + 3] === 0;
  const length = bytes.readUInt32BE(at + 4);
  return stream <= LAST_STREAM && isPadded && length <= MAX_LENGTH ? { stream, length } : undefined;
}

/** Where output begins in bytes that may begin anywhere: text has no NUL. −1: nowhere. */
export function findPiece(bytes: Buffer): number {
  for (let at = bytes.indexOf(HEADER_START); at >= 0; at = bytes.indexOf(HEADER_START, at + 1)) {
    if (readPieceHeader(bytes, at) !== undefined) return at;
  }
  return -1;
}

/** A read that may begin in the middle of a stream begins with JSON that a container has put out. */
export function startsWithOutput(bytes: Buffer): boolean {
  const first = bytes[HEADER_BYTES];
  if (bytes[0] !== OUTPUT || (first !== 0x7b && first !== 0x5b)) return false;
  return readPieceHeader(bytes, 0) !== undefined;
}
