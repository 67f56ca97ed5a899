/** Channels that carry no MCP in, the kernel's verdicts on them out; each is tried again from time to time. */
import type { ChannelState } from "../stream/channel-state.ts";

const RETRY_NS = 10_000_000_000;

/** What it needs of the kernel. */
export interface Ignoring {
  ignore(channel: number, generation: number, ignored: boolean): void;
}

export class SetAside {
  readonly #kernel: Ignoring;
  readonly #sinceNs = new Map<ChannelState, number>();

  constructor(kernel: Ignoring) {
    this.#kernel = kernel;
  }

  /** Its bytes are no longer copied. */
  add(channel: ChannelState, nowNs: number): void {
    this.#kernel.ignore(channel.address, channel.inode, true);
    channel.loseCount();
    this.#sinceNs.set(channel, nowNs);
  }

  /** Has copied again what was set aside for long enough. */
  retry(nowNs: number): void {
    for (const [channel, sinceNs] of this.#sinceNs) {
      if (nowNs - sinceNs < RETRY_NS) continue;
      this.#sinceNs.delete(channel);
      this.#kernel.ignore(channel.address, channel.inode, false);
    }
  }
}
