/** What all outputs go by besides the items (delivery/types.ts). */

/** Kernel time to wall clock; made once by main, so that every output prints the same. */
export interface WallClock {
  /** Unix time in µs of a CLOCK_BOOTTIME ns. */
  toUnixMicros(bootNs: number): number;
}
