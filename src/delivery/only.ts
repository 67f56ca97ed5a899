/** Items in; those that one output was asked for, while another gets more, out to it. */
import type { ExchangeItem, Summary } from "../exchange/types.ts";
import type { Accepts } from "./selection.ts";
import type { Consumer } from "./types.ts";

export class Only implements Consumer {
  readonly #consumer: Consumer;
  readonly #accepts: Accepts;

  constructor(consumer: Consumer, accepts: Accepts) {
    this.#consumer = consumer;
    this.#accepts = accepts;
  }

  write(items: readonly ExchangeItem[]): void | Promise<void> {
    const accepted = items.filter(this.#accepts);
    if (accepted.length > 0) return this.#consumer.write(accepted);
  }

  flush(): Promise<void> {
    return this.#consumer.flush();
  }

  reopen(): Promise<void> {
    return this.#consumer.reopen();
  }

  close(summary: Summary): Promise<void> {
    return this.#consumer.close(summary);
  }
}
