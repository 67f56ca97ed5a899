/** What Bun has no call for: a pipe's reader and size, and two clocks at once. */
import { ptr } from "bun:ffi";
import { shim } from "./shim.ts";

/** True when nobody reads the pipe or socket behind `fd` any more. */
export function isReaderGone(fd: number): boolean {
  return shim().sh_reader_gone(fd) === 1;
}

/** Lets the pipe behind `fd` hold so many bytes or more; what is no pipe, or may not be so large, stays as it is. */
export function growPipe(fd: number, bytes: number): void {
  shim().sh_grow_pipe(fd, bytes);
}

/** CLOCK_BOOTTIME in ns and CLOCK_REALTIME in µs since 1970, read together. */
export function readClocks(): { bootNs: number; realMicros: number } {
  const out = new BigUint64Array(2);
  shim().sh_clocks(ptr(out), ptr(out, 8));
  return { bootNs: Number(out[0]), realMicros: Number((out[1] ?? 0n) / 1000n) };
}
