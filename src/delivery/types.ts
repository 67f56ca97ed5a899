/** Consumers: all are given the same items, in order, a batch at a time; each by a policy of its own. */
import type { ExchangeItem, ShownTotals, Summary } from "../exchange/types.ts";

/**
 * The policy is in what `write` returns. Who must miss nothing (files, standard output: lossless) returns a promise when
 * full, and everybody waits for it: the ring is drained no further. Who would rather miss something than hold up the
 * others, or gathers batches of its own, returns nothing, ever, and counts what it dropped.
 * Items are not copied for each: nobody changes them.
 */
export interface Consumer {
  /** Rejects with OutputError or ReaderGone. */
  write(items: readonly ExchangeItem[]): void | Promise<void>;
  /** Everything written so far is out of our hands. */
  flush(): Promise<void>;
  /** Opens anew what it writes to (SIGHUP after logrotate). */
  reopen(): Promise<void>;
  /** The summary is the last that it is given. */
  close(summary: Summary): Promise<void>;
}

/** Adds up what filters let pass, for the summary. */
export interface Counter {
  /** All that comes until the limit, whether it passes or not. */
  observe(items: readonly ExchangeItem[]): void;
  make(summary: Summary): ShownTotals;
}
