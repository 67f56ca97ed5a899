/** Blind spots in, a coverage line for each out, once. */
import type { Channel } from "../capture/types.ts";
import type { CoverageLine } from "../exchange/types.ts";
import type { Frame } from "../framing/types.ts";
import type { Blind } from "../stream/types.ts";

export class Coverage {
  readonly #blind = new WeakSet<object>();
  /** Frames of channels that had been set aside before, and the channels of which that is said. */
  readonly #retried = new WeakSet<Frame>();
  readonly #setAside = new WeakSet<Channel>();

  blind(spot: Blind): readonly CoverageLine[] {
    return once(this.#blind, spot);
  }

  /** It may turn out to be a message. */
  framed(frame: Frame): void {
    if (frame.channel.uncounted === true) this.#retried.add(frame);
  }

  /** It is one. On a channel that was set aside: what that carried meanwhile nobody heard, nor counted. */
  message(frame: Frame): readonly CoverageLine[] {
    if (!this.#retried.has(frame)) return NOTHING;
    return this.setAside(frame.channel, frame.timeNs);
  }

  /** What the channel carried for a while nobody heard, and it is one of a conversation's. */
  setAside(channel: Channel, timeNs: number): readonly CoverageLine[] {
    const spot = { reason: "set_aside", channel, process: undefined, bytes: 0, timeNs };
    return once(this.#setAside, spot);
  }
}

const NOTHING: readonly CoverageLine[] = [];

/** `told`: of what it has been said before. */
function once(told: WeakSet<object>, spot: Omit<CoverageLine, "kind">): readonly CoverageLine[] {
  const subject = spot.channel ?? spot.process;
  if (subject !== undefined) {
    if (told.has(subject)) return NOTHING;
    told.add(subject);
  }
  return [{ ...spot, kind: "coverage" }];
}
