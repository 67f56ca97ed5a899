/** Items in; what was asked for of them to all outputs of a run out: listen and replay both write through it. */
import type { ExchangeItem, Summary } from "../exchange/types.ts";
import { FanOut } from "./fan-out.ts";
import { type Asked, Selection } from "./selection.ts";
import type { Consumer } from "./types.ts";

/** What can be asked about standard output. */
export interface StreamState {
  readonly written: number;
  readerGone(): boolean;
}

/** What can be asked about a history that is written. */
export interface StoreState {
  /** Grows while it is written. */
  readonly written: number;
  /** Rows that it has no room for. */
  readonly droppedRows: number;
}

export class Outputs implements Consumer {
  readonly #selection: Selection;
  readonly #all: FanOut;
  readonly #stream: StreamState | undefined;
  readonly #store: StoreState | undefined;

  /** `stream`: standard output, when something is shown there. `store`: a history, where there is one. */
  constructor(
    consumers: readonly Consumer[],
    asked: Asked,
    stream: StreamState | undefined,
    store?: StoreState,
  ) {
    this.#selection = new Selection(asked);
    this.#all = new FanOut(consumers);
    this.#stream = stream;
    this.#store = store;
  }

  /** As many messages as --max-messages allows are written: what comes after is not. */
  get full(): boolean {
    return this.#selection.full;
  }

  /** A message came, and --method, --tool and --server let it pass. */
  get matched(): boolean {
    return this.#selection.matched;
  }

  /** Standard output cannot be read by anybody any more; cheap enough to ask a few times a second. */
  readerGone(): boolean {
    return this.#stream?.readerGone() ?? false;
  }

  /** Bytes that standard output and the history have taken: while it grows, they are not stuck. */
  get streamed(): number {
    return (this.#stream?.written ?? 0) + (this.#store?.written ?? 0);
  }

  /** Rows that the history has no room for. */
  get droppedRows(): number {
    return this.#store?.droppedRows ?? 0;
  }

  write(items: readonly ExchangeItem[]): void | Promise<void> {
    return this.#give(this.#selection.pass(items));
  }

  flush(): Promise<void> {
    return this.#all.flush();
  }

  reopen(): Promise<void> {
    return this.#all.reopen();
  }

  /** A reader of standard output that has gone keeps no summary from a file. */
  async close(summary: Summary): Promise<void> {
    await Promise.resolve(this.#give(this.#selection.release())).catch(() => undefined);
    await this.#all.close(this.#selection.complete(summary));
  }

  #give(items: readonly ExchangeItem[]): void | Promise<void> {
    if (items.length > 0) return this.#all.write(items);
  }
}
