/** Channels that carry no MCP in, the kernel's verdicts on them out; each is tried again from time to time, and at once when
 * its writer is asked something. */
import type { Party } from "../capture/types.ts";
import { isConnection } from "../party.ts";
import type { ChannelState } from "../stream/channel-state.ts";
import type { Subject } from "./subject.ts";

const RETRY_NS = 10_000_000_000;
const LOOK_NS = 2_000_000_000;

/** What it needs of the kernel. */
export interface Ignoring {
  /** `writerPid`: when that process reads what looks like a request, the kernel ignores the channel no more. */
  ignore(channel: number, generation: number, ignored: boolean, writerPid?: number): void;
  isIgnored(channel: number, generation: number): boolean;
  judge(channel: number, generation: number, verdict: "open" | "aside"): void;
}

/** A channel whose writer was asked something while it was set aside. */
export interface Missed {
  readonly channel: ChannelState;
  /** Not before the question: its answer may have gone unheard. */
  readonly isLate: boolean;
}

const NOTHING: readonly Missed[] = [];

export class SetAside implements Subject {
  readonly everyNs = LOOK_NS;
  readonly #kernel: Ignoring;
  readonly #sinceNs = new Map<ChannelState, number>();
  /** Those that may bring an answer, by who would write it. */
  readonly #byWriter = new Map<Party, Set<ChannelState>>();

  constructor(kernel: Ignoring) {
    this.#kernel = kernel;
  }

  /** Its bytes are no longer copied. */
  add(channel: ChannelState, nowNs: number): void {
    const writer = answererOf(channel);
    this.#ignore(channel, true, writer);
    channel.loseCount();
    this.#sinceNs.set(channel, nowNs);
    if (writer === undefined) return;
    const channels = this.#byWriter.get(writer);
    if (channels === undefined) this.#byWriter.set(writer, new Set([channel]));
    else channels.add(channel);
  }

  /** It was asked something: what it writes is heard again. */
  ask(writer: Party): readonly Missed[] {
    const channels = this.#byWriter.size === 0 ? undefined : this.#byWriter.get(writer);
    if (channels === undefined) return NOTHING;
    const missed = [...channels].map((channel) => ({
      channel,
      isLate: this.#kernel.isIgnored(channel.address, channel.inode),
    }));
    for (const { channel } of missed) this.#lift(channel);
    return missed;
  }

  /** Has copied again what was set aside for long enough. */
  chores(nowNs: number): void {
    for (const [channel, sinceNs] of this.#sinceNs) {
      if (nowNs - sinceNs >= RETRY_NS) this.#lift(channel);
    }
  }

  #lift(channel: ChannelState): void {
    this.#sinceNs.delete(channel);
    this.#ignore(channel, false, undefined);
    for (const [writer, channels] of this.#byWriter) {
      if (channels.delete(channel) && channels.size === 0) this.#byWriter.delete(writer);
    }
  }

  /** The table of verdicts goes by sockets: a TCP channel's address is not that of both, and TLS has two channels at one. */
  #ignore(channel: ChannelState, ignored: boolean, writer: Party | undefined): void {
    const { address, inode } = channel;
    if (isConnection(channel)) this.#kernel.judge(address, inode, ignored ? "aside" : "open");
    else if (writer !== undefined && "pid" in writer) {
      this.#kernel.ignore(address, inode, ignored, writer.pid);
    } else this.#kernel.ignore(address, inode, ignored);
  }
}

/** Who might answer by it. */
function answererOf(channel: ChannelState): Party | undefined {
  if (isConnection(channel)) return undefined;
  const as = channel.writtenAs();
  return as?.isError === true && !as.isOutput ? undefined : channel.likelyWriter();
}
