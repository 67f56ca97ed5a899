/** Two questions to the system that Bun has no call for. */
import { ptr } from "bun:ffi";
import { shim } from "./shim.ts";

/** True when nobody reads the pipe or socket behind `fd` any more. */
export function isReaderGone(fd: number): boolean {
  return shim().sh_reader_gone(fd) === 1;
}

/** CLOCK_BOOTTIME in ns and CLOCK_REALTIME in µs since 1970, read together. */
export function readClocks(): { bootNs: number; realMicros: number } {
  const out = new BigUint64Array(2);
  shim().sh_clocks(ptr(out), ptr(out, 8));
  return { bootNs: Number(out[0]), realMicros: Number((out[1] ?? 0n) / 1000n) };
}
