/** Channels that hold a text which may be whole in, the moment when nothing more of it is waited for out. */
import type { Party } from "../capture/types.ts";
import type { ChannelEnd, ProcessEnd } from "../stream/types.ts";
import type { LineFramer } from "./channel-framer.ts";
import type { FramingItem } from "./types.ts";

/** A writer's line end follows its text within microseconds, or, where the machine is busy, within some milliseconds. */
const PATIENCE_NS = 250_000_000;
/** So many channels may wait; the one that waits longest then has waited enough. */
const MAX_WAITING = 1024;

export class Unended {
  /** Those heard of last are the last. */
  readonly #waiting = new Set<LineFramer>();

  /** A chunk was heard. */
  heard(lines: LineFramer, out: FramingItem[]): void {
    if (this.#waiting.size > 0) this.#waiting.delete(lines);
    if (lines.waitsSinceNs === undefined) return;
    this.#waiting.add(lines);
    const [oldest] = this.#waiting;
    if (oldest !== undefined && this.#waiting.size > MAX_WAITING) this.#settle(oldest, out);
  }

  /** It is that late. */
  pass(nowNs: number, out: FramingItem[]): void {
    for (const lines of this.#waiting) {
      const sinceNs = lines.waitsSinceNs;
      if (sinceNs !== undefined && nowNs - sinceNs < PATIENCE_NS) return;
      this.#settle(lines, out);
    }
  }

  /** Who is at an end of a channel that waits will not bring, or take, more of it: it comes before that end. */
  end(item: ProcessEnd | ChannelEnd, out: FramingItem[]): void {
    if (this.#waiting.size === 0) return;
    const gone = item.kind === "end" ? [item.channel.reader, item.channel.writer] : [item.process];
    for (const lines of this.#waiting) {
      const { reader, writer } = lines.channel;
      if (isAmong(gone, reader) || isAmong(gone, writer)) this.#settle(lines, out);
    }
  }

  #settle(lines: LineFramer, out: FramingItem[]): void {
    this.#waiting.delete(lines);
    lines.settle(out);
  }
}

function isAmong(parties: readonly (Party | undefined)[], party: Party | undefined): boolean {
  return party !== undefined && parties.includes(party);
}
