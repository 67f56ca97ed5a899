/** Items in, the same items to every consumer out. */
import type { ExchangeItem, Summary } from "../exchange/types.ts";
import { ReaderGone } from "../sinks/errors.ts";
import type { Consumer } from "./types.ts";

/** Errors as those of Consumer; the one that counts most is thrown after all were tried. */
export class FanOut implements Consumer {
  readonly #consumers: readonly Consumer[];

  constructor(consumers: readonly Consumer[]) {
    this.#consumers = consumers;
  }

  /** A promise resolves when every consumer has taken them. */
  write(items: readonly ExchangeItem[]): void | Promise<void> {
    const waits: Promise<void>[] = [];
    for (const consumer of this.#consumers) {
      const wait = consumer.write(items);
      if (wait !== undefined) waits.push(wait);
    }
    if (waits.length > 0) return settle(waits);
  }

  flush(): Promise<void> {
    return settle(this.#consumers.map((each) => each.flush()));
  }

  reopen(): Promise<void> {
    return settle(this.#consumers.map((each) => each.reopen()));
  }

  close(summary: Summary): Promise<void> {
    return settle(this.#consumers.map((each) => each.close(summary)));
  }
}

/** Waits for all, then throws what counts most: an output that failed before a reader that has gone. */
async function settle(waits: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(waits);
  const errors = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
  const worst = errors.find((error) => !(error instanceof ReaderGone)) ?? errors[0];
  if (worst !== undefined) throw worst;
}
