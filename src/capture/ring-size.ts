/** How much memory there is in, how large the ring is to be out. */
import { totalmem } from "node:os";

const LEAST = 1 << 24;
const MOST = 1 << 26;
/** A part of the memory. */
const SHARE = 256;

/** Bytes that this process may use: the machine's, or its cgroup's. */
export function usableMemory(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

/**
 * The nearest power of two, in bytes. All of the ring is resident from the start: it has room for a burst of large messages, written
 * faster than anybody reads, where that is no more than a small share of the memory.
 */
export function defaultRingBytes(memoryBytes: number): number {
  const power = 2 ** Math.round(Math.log2(memoryBytes / SHARE));
  return Math.min(Math.max(power, LEAST), MOST);
}
