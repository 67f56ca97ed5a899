/** Channels that carry no MCP in, the kernel's verdicts on them out; each is tried again from time to time. */
import type { ChannelState } from "../stream/channel-state.ts";
import type { Subject } from "./subject.ts";

/** The framing room counts on so long a silence. */
const RETRY_NS = 10_000_000_000;
const LOOK_NS = 2_000_000_000;

/** What it needs of the kernel. */
export interface Ignoring {
  ignore(channel: number, generation: number, ignored: boolean): void;
  judge(channel: number, generation: number, verdict: "open" | "aside"): void;
}

export class SetAside implements Subject {
  readonly everyNs = LOOK_NS;
  readonly #kernel: Ignoring;
  readonly #sinceNs = new Map<ChannelState, number>();

  constructor(kernel: Ignoring) {
    this.#kernel = kernel;
  }

  /** Its bytes are no longer copied. */
  add(channel: ChannelState, nowNs: number): void {
    this.#ignore(channel, true);
    channel.loseCount();
    this.#sinceNs.set(channel, nowNs);
  }

  /** Has copied again what was set aside for long enough. */
  chores(nowNs: number): void {
    for (const [channel, sinceNs] of this.#sinceNs) {
      if (nowNs - sinceNs < RETRY_NS) continue;
      this.#sinceNs.delete(channel);
      this.#ignore(channel, false);
    }
  }

  /** The table of verdicts goes by sockets: a TCP channel's address is not that of both, and TLS has two channels at one. */
  #ignore({ kind, address, inode }: ChannelState, ignored: boolean): void {
    const isConnection = kind === "tcp" || kind === "tls";
    if (isConnection) this.#kernel.judge(address, inode, ignored ? "aside" : "open");
    else this.#kernel.ignore(address, inode, ignored);
  }
}
