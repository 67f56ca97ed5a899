/** Counts heard bytes that are no message, on the channels that turn out to carry MCP. */
import type { Channel } from "../../../capture/types.ts";
import type { Noise } from "../../../framing/types.ts";
import type { SessionState, Verdict } from "../session-state.ts";

export class TextNoise {
  bytes = 0;
  /** Of channels that may still become a session's; forgotten with the channel. */
  readonly #early = new WeakMap<Channel, number>();

  /** `verdict` of the channel's session, when it has one. */
  add(noise: Noise, verdict: Verdict | undefined): void {
    if (verdict === "mcp" || verdict === "presumed") this.bytes += noise.bytes;
    else this.#early.set(noise.channel, (this.#early.get(noise.channel) ?? 0) + noise.bytes);
  }

  /** The session is MCP: what its channels said before counts. */
  adopt(state: SessionState): void {
    for (const channel of state.first.channels) this.#adoptChannel(channel);
    for (const channel of state.second.channels) this.#adoptChannel(channel);
  }

  #adoptChannel(channel: Channel): void {
    this.bytes += this.#early.get(channel) ?? 0;
    this.#early.delete(channel);
  }
}
