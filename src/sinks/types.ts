/** Outputs: each sink is given the same items, in order, a batch at a time. */
import type { ExchangeItem, Summary } from "../exchange/types.ts";

/** Kernel time to wall clock; made once by main, so that every sink prints the same. */
export interface WallClock {
  /** Unix time in µs of a CLOCK_BOOTTIME ns. */
  toUnixMicros(bootNs: number): number;
}

export interface Sink {
  /** A promise means: full for now; the caller waits before it drains more. Rejects with OutputError. */
  write(items: readonly ExchangeItem[]): void | Promise<void>;
  /** Everything written so far is with the kernel. */
  flush(): Promise<void>;
  /** Opens its file anew (SIGHUP after logrotate). */
  reopen(): Promise<void>;
  /** Writes the summary as the last line and closes. */
  close(summary: Summary): Promise<void>;
}
