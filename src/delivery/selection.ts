/** Items in; those that were asked for, and no more messages than that, out. */
import type { ExchangeItem, Summary } from "../exchange/types.ts";
import type { ServerGate } from "./server-gate.ts";
import type { Counter } from "./types.ts";

export type Accepts = (item: ExchangeItem) => boolean;

export interface Asked {
  readonly accepts: Accepts;
  /** Holds a session's first items until it is known whether they are asked for. */
  readonly gate: ServerGate | undefined;
  /** Whether an item is a message that is asked for, as --max-messages counts them, its kind asked for or not. */
  readonly countsAsShown: Accepts;
  readonly maxMessages: number | undefined;
  /** undefined: nothing is left out by filters. */
  readonly counter?: Counter | undefined;
}

export class Selection {
  readonly #asked: Asked;
  readonly #maxMessages: number;
  #shownMessages = 0;
  #matched = false;

  constructor(asked: Asked) {
    this.#asked = asked;
    this.#maxMessages = asked.maxMessages ?? Number.POSITIVE_INFINITY;
  }

  /** As many messages as --max-messages allows have passed: what comes after does not. */
  get full(): boolean {
    return this.#shownMessages >= this.#maxMessages;
  }

  /** A message came, and --method, --tool and --server let it pass. */
  get matched(): boolean {
    return this.#matched;
  }

  pass(items: readonly ExchangeItem[]): readonly ExchangeItem[] {
    return this.#select(this.#asked.gate?.pass(items) ?? items);
  }

  /** What was held: the run ends. */
  release(): readonly ExchangeItem[] {
    return this.#select(this.#asked.gate?.release() ?? []);
  }

  /** With what passed, where not all did. */
  complete(summary: Summary): Summary {
    const { counter } = this.#asked;
    return counter === undefined ? summary : { ...summary, shown: counter.make(summary) };
  }

  #select(items: readonly ExchangeItem[]): readonly ExchangeItem[] {
    this.#matched ||= items.some(this.#asked.countsAsShown);
    const taken = this.#upToLimit(items);
    this.#asked.counter?.observe(taken);
    return taken.filter(this.#asked.accepts);
  }

  #upToLimit(items: readonly ExchangeItem[]): readonly ExchangeItem[] {
    if (this.#maxMessages === Number.POSITIVE_INFINITY) return items;
    const taken: ExchangeItem[] = [];
    for (const item of items) {
      if (this.full) break;
      taken.push(item);
      if (this.#asked.countsAsShown(item)) this.#shownMessages++;
    }
    return taken;
  }
}
