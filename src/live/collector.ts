/** How much was heard in, garbage collections at the right moments out. */
import { edenGC, fullGC } from "bun:jsc";
import type { ExchangeItem } from "../exchange/types.ts";

/** What a record leaves behind: its event, chunk, frame, message (estimate, bytes). */
const RECORD_BYTES = 1024;
/** How often a message's text is copied on its way to a line. */
const TEXT_COPIES = 2;
const GARBAGE_BYTES = 28 << 20;
const LARGE_BYTES = 4 << 20;
/** Collections of what is young, until one of all is due. */
const YOUNG = 3;

/** `young`: what was made since the last one; `release`: all, and memory goes back to the system. */
export type Collection = "young" | "all" | "release";

/**
 * Left alone, JavaScriptCore lets garbage grow with the size of the machine's memory, to hundreds of megabytes under
 * load, and frees large strings late. Nearly all garbage here is young: looking for that alone takes a fraction of a
 * millisecond, where a full collection takes 10 to 40.
 */
export class Collector {
  readonly #collect: (what: Collection) => void;
  #garbage = 0;
  #young = 0;

  constructor(collect = collectGarbage) {
    this.#collect = collect;
  }

  /** A line of so many bytes is about to be parsed: what it was gathered in is free, and gone before, both need not fit. */
  readonly framed = (bytes: number): void => {
    if (isLargeLine(bytes)) this.#collect("release");
  };

  /** So many records have become these items, and those are written. */
  note(records: number, items: readonly ExchangeItem[]): void {
    let isLarge = false;
    this.#garbage += records * RECORD_BYTES;
    for (const item of items) {
      if (item.kind !== "message") continue;
      this.#garbage += item.message.bytes * TEXT_COPIES;
      isLarge ||= isLargeLine(item.message.bytes);
    }
    if (!isLarge && this.#garbage < GARBAGE_BYTES) return;
    this.#garbage = 0;
    this.#young = isLarge || this.#young === YOUNG ? 0 : this.#young + 1;
    this.#collect(isLarge ? "release" : this.#young === 0 ? "all" : "young");
  }
}

/** Large enough for what it leaves behind to be freed at once. */
function isLargeLine(bytes: number): boolean {
  return bytes > LARGE_BYTES;
}

/** Behind a large line Bun's own way, which takes twice as long and gives memory back to the system as well. */
function collectGarbage(what: Collection): void {
  if (what === "young") edenGC();
  else if (what === "all") fullGC();
  else Bun.gc(true);
}
