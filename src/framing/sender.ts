/** Frames in, frames that know their writer out, in the same order. */
import type { Party } from "../capture/types.ts";
import type { Stage } from "../stage.ts";
import type { Frame, FramingItem } from "./types.ts";

// A write's note comes from another CPU, microseconds around the read's record; a blocking write's comes when
// its reader has read everything. Waiting longer than this would hold back the output for the latter.
const PATIENCE_NS = 10_000_000;
// A channel's very first writer may be kept from the CPU by the reader that it woke: without it there is no name.
// Once only, so that a channel that never gets one does not hold up all others.
const FIRST_PATIENCE_NS = 300_000_000;

/**
 * Gives each frame the write that brought its last byte. A frame whose note has not come yet is held, and all
 * that follows with it, for 10 ms of kernel time; then it goes on with the channel's last known writer.
 * Where none is known at all the first one waits for 300 ms.
 */
export class SenderStage implements Stage<FramingItem, FramingItem> {
  #held: FramingItem[] = [];
  #nowNs = 0;
  /** Channels whose writer did not become known in time. */
  readonly #nameless = new WeakSet<Frame["channel"]>();

  /** Frames wait for a note: a tick is wanted soon. */
  get isHolding(): boolean {
    return this.#held.length > 0;
  }

  push(item: FramingItem): readonly FramingItem[] {
    this.#advance(item);
    if (this.#held.length === 0 && this.#isReady(item)) return [item];
    this.#held.push(item);
    return this.#release(false);
  }

  end(): readonly FramingItem[] {
    return this.#release(true);
  }

  /**
   * Kernel time as of the last record. Ends and losses do not count: they are found by looking, and then
   * the note that a frame waits for may still be in the ring.
   */
  #advance(item: FramingItem): void {
    const isInOrder = item.kind === "frame" || item.kind === "tick" || item.kind === "process-end";
    if (isInOrder && item.timeNs > this.#nowNs) this.#nowNs = item.timeNs;
  }

  #release(all: boolean): readonly FramingItem[] {
    let ready = 0;
    for (const item of this.#held) {
      if (!this.#isReady(item) && !all) break;
      ready += 1;
    }
    if (ready === this.#held.length) {
      const out = this.#held;
      this.#held = [];
      return out;
    }
    return this.#held.splice(0, ready);
  }

  #isReady(item: FramingItem): boolean {
    if (item.kind !== "frame") return true;
    if (item.sender) return true;
    const note = item.channel.noteAt?.(item.endPosition - 1);
    if (note) {
      item.sender = note.writer;
      // a write that returned after the read began before it: when, the note does not say
      if (note.timeNs <= item.timeNs) item.sentNs = note.timeNs;
      return true;
    }
    return this.#isTooLate(item);
  }

  #isTooLate(frame: Frame): boolean {
    const { channel } = frame;
    const waitedNs = this.#nowNs - frame.timeNs;
    // no note will be its write's: the last writer is, unless that has ended
    const isSure = channel.unplaced === true && !hasEnded(channel.writer);
    if (waitedNs < PATIENCE_NS && !isSure) return false;
    frame.sender = channel.likelyWriter?.() ?? channel.writer;
    if (frame.sender) return true;
    if (waitedNs < FIRST_PATIENCE_NS && !this.#nameless.has(channel)) return false;
    this.#nameless.add(channel);
    return true;
  }
}

/** Another host is not seen to end. */
function hasEnded(party: Party | undefined): boolean {
  return party !== undefined && "pid" in party && party.exit !== undefined;
}
