/** Adds up what filters let pass: items come in, what the summary says beside the sums of all that was heard out. */
import { CallStatistics } from "./call-statistics.ts";
import { ConnectionCounts } from "./connection-statistics.ts";
import type { ExchangeItem, OpenCall, ShownTotals, Summary } from "./types.ts";

/** As the summary's own. */
const MAX_ROWS = 10_000;

export interface ShownFilters {
  /** For items of all kinds, whichever are written. */
  readonly accepts: (item: ExchangeItem) => boolean;
  readonly acceptsOpen: (call: OpenCall) => boolean;
}

export class ShownCounts {
  readonly #filters: ShownFilters;
  readonly #calls = new CallStatistics(MAX_ROWS);
  readonly #connections = new ConnectionCounts();
  #messages = 0;
  #messageBytes = 0;
  #callsFinished = 0;
  #callsUnanswered = 0;

  constructor(filters: ShownFilters) {
    this.#filters = filters;
  }

  observe(items: readonly ExchangeItem[]): void {
    for (const item of items) if (this.#filters.accepts(item)) this.#add(item);
  }

  make({ openCalls, connections }: Summary): ShownTotals {
    const open = openCalls.filter(this.#filters.acceptsOpen);
    return {
      messages: this.#messages,
      messageBytes: this.#messageBytes,
      calls: this.#calls.list(open),
      callsFinished: this.#callsFinished,
      callsUnanswered: this.#callsUnanswered,
      openCalls: open,
      connections: connections === undefined ? undefined : this.#connections.totals(),
    };
  }

  #add(item: ExchangeItem): void {
    switch (item.kind) {
      case "message":
        this.#messages++;
        this.#messageBytes += item.message.bytes;
        return;
      case "call":
        this.#calls.add(item);
        if (item.response !== undefined) this.#callsFinished++;
        else if (item.outcome !== "unheard") this.#callsUnanswered++;
        return;
      case "effect":
        this.#calls.addEffect(item);
        return;
      case "connection":
        this.#connections.add(item);
        return;
      case "session":
      case "noise":
      case "waiting":
      case "http":
      case "loss":
      case "coverage":
        return;
    }
  }
}
