/** How much was heard in, garbage collections at the right moments out. */
import type { ExchangeItem } from "../exchange/types.ts";

/** What a record leaves behind: its event, chunk, frame, message (estimate, bytes). */
const RECORD_BYTES = 1024;
/** How often a message's text is copied on its way to a line. */
const TEXT_COPIES = 4;
const GARBAGE_BYTES = 24 << 20;

/**
 * Left alone, JavaScriptCore lets garbage grow with the size of the machine's memory, to hundreds of megabytes under
 * load, and frees large strings late. What lives here is small, so a full collection takes a few milliseconds, and
 * costs less CPU in sum than the collections that it saves.
 */
export class Collector {
  readonly #collect: () => void;
  #garbage = 0;

  constructor(collect: () => void = () => Bun.gc(true)) {
    this.#collect = collect;
  }

  /** So many records have become these items, and those are written. */
  note(records: number, items: readonly ExchangeItem[]): void {
    this.#garbage += records * RECORD_BYTES;
    for (const item of items) {
      if (item.kind === "message") this.#garbage += item.message.bytes * TEXT_COPIES;
    }
    if (this.#garbage < GARBAGE_BYTES) return;
    this.#garbage = 0;
    this.#collect();
  }
}
