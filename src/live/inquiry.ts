/** A channel in, what no record has said of it and the kernel knows out. */
import type { ChannelCounts } from "../capture/channel-entries.ts";
import type { Holder } from "../capture/holders.ts";
import type { Channel, Process, ProcessDirectory } from "../capture/types.ts";
import { ChannelState } from "../stream/channel-state.ts";
import { findChannels } from "./find-channels.ts";

/** A look at all open files takes milliseconds. */
const BETWEEN_LOOKS_NS = 100_000_000;

/** What it needs of the kernel. */
export interface Knowing {
  readonly entries: { counts(channel: number, generation: number): ChannelCounts | undefined };
  scan(): readonly Holder[];
}

export class Inquiry {
  readonly #kernel: Knowing;
  readonly #processes: ProcessDirectory;
  readonly #nowNs: () => number;
  #lastLookNs = 0;

  constructor(kernel: Knowing, processes: ProcessDirectory, nowNs: () => number) {
    this.#kernel = kernel;
    this.#processes = processes;
    this.#nowNs = nowNs;
  }

  /** Whether an end of it is followed. Records say so, once wanted, always; the entry tells of an end that came to be
   * followed since. */
  isWanted(channel: Channel): boolean {
    if (!(channel instanceof ChannelState)) return false;
    channel.wanted ||= this.#countsOf(channel)?.wanted ?? false;
    return channel.wanted;
  }

  /** Who holds the writing end, when that is one process: no write of it was heard of. */
  writerOf(channel: ChannelState): Process | undefined {
    const counts = this.#countsOf(channel);
    if (counts && counts.writerPid > 0) {
      return this.#processes.named(counts.writerPid, counts.writerStartNs);
    }
    const nowNs = this.#nowNs();
    if (nowNs - this.#lastLookNs < BETWEEN_LOOKS_NS) return undefined;
    this.#lastLookNs = nowNs;
    return findChannels(this.#kernel.scan(), this.#processes).find(
      (each) => each.channel === channel.address && each.generation === channel.inode,
    )?.writer;
  }

  /** Who has the socket with this address and inode, when that is one process. */
  ownerOf(socket: number, inode: number): Process | undefined {
    const holders = this.#kernel
      .scan()
      .filter((each) => each.channel === socket && (inode === 0 || each.generation === inode));
    const first = holders[0];
    if (!first || holders.some((each) => each.pid !== first.pid)) return undefined;
    return this.#processes.at(first.pid, first.startNs, first.comm);
  }

  #countsOf(channel: ChannelState): ChannelCounts | undefined {
    return this.#kernel.entries.counts(channel.address, channel.inode);
  }
}
