/** Finds out which channels have ended, and what was left in them. */

import type { ChannelCounts, CountedChannel } from "../capture/channel-entries.ts";
import type { Holder } from "../capture/holders.ts";
import type {
  ChannelClosed,
  ChannelTotals,
  IoEvent,
  KernelEvent,
  ProcessDirectory,
} from "../capture/types.ts";
import type { ChannelState, LastWord } from "../stream/channel-state.ts";
import type { StreamInput } from "../stream/stream-stage.ts";
import { heldBy } from "./held-by.ts";

/** What the closer needs of the kernel's entries (capture/channel-entries.ts). */
export interface EntrySource {
  counts(channel: number, generation: number): ChannelCounts | undefined;
  present(): readonly CountedChannel[];
  replaced(): readonly CountedChannel[];
  forget(channel: number, generation: number): void;
}

export interface CloserParts {
  readonly entries: EntrySource;
  readonly scan: () => readonly Holder[];
  readonly channels: () => ReadonlyMap<number, ChannelState>;
  readonly push: (event: StreamInput) => void;
  /** True when every record has been taken out of the ring. */
  readonly isQuiet: () => boolean;
  /** True when the channel's writer was inside a write when the tool began: how much of it came later is unknown. */
  readonly isUncertain: (channel: ChannelState) => boolean;
  readonly processes: ProcessDirectory;
  /** True when the kernel skipped runs: then a missing read is no proof of io_uring. */
  readonly hasSkips: () => boolean;
}

const AFTER_EXIT_NS = 50_000_000;
const BETWEEN_NS = 500_000_000;
const IDLE_NS = 5_000_000_000;
const REGULAR_NS = 10_000_000_000;

export class Closer {
  readonly #parts: CloserParts;
  readonly #ended = new Map<number, IoEvent>();
  /** Channels that were not copied for a while: their counts do not add up. */
  readonly #aside = new WeakSet<ChannelState>();
  #scanDueNs = Number.POSITIVE_INFINITY;
  #nextScanNs = 0;
  #lastScanNs = 0;
  /** Bytes that were read and not heard although nothing explains it but skipped runs. */
  missedBytes = 0;

  constructor(parts: CloserParts) {
    this.#parts = parts;
  }

  /** Every event passes here after it went through the rooms. */
  observe(event: KernelEvent): void {
    if (event.kind === "eof") this.#ended.set(event.channel, event);
    else if (event.kind === "broken" || (event.kind === "exit" && this.#isParty(event.pid))) {
      const dueNs = Math.max(event.timeNs + AFTER_EXIT_NS, this.#lastScanNs + BETWEEN_NS);
      this.#scanDueNs = Math.min(this.#scanDueNs, dueNs);
    }
  }

  /** Whether an end of a known channel was this process's. */
  #isParty(pid: number): boolean {
    for (const channel of this.#parts.channels().values()) {
      if (channel.reader?.pid === pid || channel.writer?.pid === pid) return true;
    }
    return false;
  }

  /** When to look next who holds the channels, CLOCK_BOOTTIME ns. */
  get scanDueNs(): number {
    return this.#scanDueNs;
  }

  setAside(channel: ChannelState): void {
    this.#aside.add(channel);
  }

  /** After each batch: channels whose reader saw the end. */
  closeEnded(): void {
    if (this.#ended.size === 0) return;
    for (const [address, end] of this.#ended) {
      const channel = this.#parts.channels().get(address);
      if (channel?.inode !== end.generation) continue;
      this.#close(channel, end.timeNs, true);
    }
    this.#ended.clear();
  }

  /** When idle: channels that nobody holds any more. */
  closeUnheld(nowNs: number, isLast = false): void {
    const isRegular = nowNs >= this.#nextScanNs;
    if (!isRegular && !isLast && nowNs < this.#scanDueNs) return;
    this.#scanDueNs = Number.POSITIVE_INFINITY;
    const unknown = isRegular ? this.#unknown() : [];
    if (this.#parts.channels().size + unknown.length === 0) return;
    if (isRegular) this.#nextScanNs = nowNs + REGULAR_NS;
    this.#lastScanNs = nowNs;
    const isHeld = heldBy(this.#parts.scan());
    for (const channel of [...this.#parts.channels().values()]) {
      if (!isHeld(channel)) this.#closeIfOver(channel, nowNs);
    }
    if (!this.#parts.isQuiet()) return;
    for (const each of unknown) {
      const { generation } = each.counts;
      if (!isHeld({ address: each.channel, inode: generation })) this.#endUnknown(each, nowNs);
    }
  }

  /** Entries of which no record was heard: the filter keeps the channel out, or the ring had room for nothing. */
  #unknown(): CountedChannel[] {
    return this.#parts.entries
      .present()
      .filter((each) => !this.#parts.channels().has(each.channel));
  }

  #closeIfOver(channel: ChannelState, nowNs: number): void {
    const isGone = channel.reader === undefined || channel.reader.exit !== undefined;
    // descriptors on their way through a socket are in no table: give them time
    const isOver = isGone || nowNs - channel.lastTimeNs > IDLE_NS;
    if (isOver && this.#close(channel, nowNs, false)) return;
    this.#scanDueNs = Math.min(this.#scanDueNs, nowNs + (isOver ? BETWEEN_NS : IDLE_NS));
  }

  /**
   * When idle: bytes that the ring had no room for and no later record has told of. False when records came
   * meanwhile: the counts may be of a time behind them, and a gap in the wrong place would cut good lines.
   */
  catchUp(nowNs: number): boolean {
    const found = [...this.#parts.channels().values()].flatMap((channel) => {
      const counts = this.#countsOf(channel);
      return counts && counts.lost > channel.lost
        ? [this.#totals(channel, counts, counts.lost, nowNs)]
        : [];
    });
    if (!this.#parts.isQuiet()) return false;
    for (const each of found) this.#parts.push(each);
    return true;
  }

  /** When idle: channels whose address another one has by now. False when records came meanwhile, perhaps theirs. */
  closeReplaced(nowNs: number): boolean {
    const replaced = this.#parts.entries.replaced();
    if (!this.#parts.isQuiet()) return false;
    this.#endReplaced(replaced, nowNs);
    return true;
  }

  #endReplaced(replaced: readonly CountedChannel[], nowNs: number): void {
    for (const each of replaced) {
      const { generation } = each.counts;
      const known = this.#parts.channels().get(each.channel);
      if (known?.inode === generation) this.#close(known, nowNs, false);
      else this.#endUnknown(each, nowNs);
    }
  }

  #endUnknown(unknown: CountedChannel, nowNs: number): void {
    this.#tellUnheard(unknown, nowNs);
    this.#parts.entries.forget(unknown.channel, unknown.counts.generation);
  }

  /** A channel of which the ring had room for nothing. One that is unknown and lost nothing was closed already. */
  #tellUnheard({ channel, counts }: CountedChannel, timeNs: number): void {
    if (counts.lost === 0) return;
    const unreadBytes = unreadOf(counts, 0);
    const { kind: channelKind } = counts;
    this.#parts.push({ kind: "unheard", channel, channelKind, entry: counts, unreadBytes, timeNs });
  }

  /**
   * Another channel has this one's address. Its records have all been heard, since the new one's come behind them: what
   * is missing is lost. The kernel forgets it.
   */
  lastWord(channel: ChannelState): LastWord {
    const counts = this.#countsOf(channel);
    if (!counts) return { lost: channel.lost, unreadBytes: 0 };
    this.#learn(channel, counts);
    this.#parts.entries.forget(channel.address, counts.generation);
    return {
      lost: this.#lostOf(channel, counts),
      unreadBytes: this.#outstanding(channel, counts),
    };
  }

  /** At the end: bytes whose records are still in the ring, or were never heard of, are lost. */
  giveUp(nowNs: number): void {
    this.#endReplaced(this.#parts.entries.replaced(), nowNs);
    for (const channel of this.#parts.channels().values()) {
      const counts = this.#countsOf(channel);
      if (!counts) continue;
      this.#parts.push(this.#totals(channel, counts, this.#lostOf(channel, counts), nowNs));
    }
    for (const each of this.#unknown()) this.#tellUnheard(each, nowNs);
  }

  /** At the end: what was written, not read, and does not lie in the channel either. */
  countMissed(): void {
    const buffered = new Map(this.#parts.scan().map((holder) => [holder.channel, holder.buffered]));
    for (const channel of this.#parts.channels().values()) {
      const lying = buffered.get(channel.address);
      const counts = this.#countsOf(channel);
      if (lying === undefined || !counts) continue;
      const missed = this.#outstanding(channel, counts) - lying;
      if (missed > 0 && this.#parts.hasSkips()) this.missedBytes += missed;
    }
  }

  /** False: records of the channel are still in the ring. */
  #close(channel: ChannelState, nowNs: number, wasRead: boolean): boolean {
    const counts = this.#countsOf(channel);
    if ((!counts || isBehind(channel, counts)) && !this.#parts.isQuiet()) return false;
    if (counts) this.#learn(channel, counts);
    // its frames may still wait for a note: the entry that names the writer goes now
    channel.likelyWriter();
    const outstanding = counts ? this.#outstanding(channel, counts) : 0;
    const isSkip = wasRead && this.#parts.hasSkips();
    if (isSkip) this.missedBytes += outstanding;
    const closed: ChannelClosed = {
      kind: "closed",
      channel: channel.address,
      generation: channel.inode,
      lost: counts ? this.#lostOf(channel, counts) : channel.lost,
      unreadBytes: wasRead ? 0 : outstanding,
      missedBytes: wasRead && !isSkip ? outstanding : 0,
      timeNs: nowNs,
    };
    this.#parts.push(closed);
    if (counts) this.#parts.entries.forget(channel.address, counts.generation);
    return true;
  }

  #countsOf(channel: ChannelState): ChannelCounts | undefined {
    return this.#parts.entries.counts(channel.address, channel.inode);
  }

  /** What is told now needs names: no record may have brought them, while the ring was full. */
  #learn(channel: ChannelState, counts: ChannelCounts): void {
    channel.nameEnds(counts, this.#parts.processes);
    channel.wanted ||= counts.wanted;
  }

  #totals(
    channel: ChannelState,
    counts: ChannelCounts,
    lost: number,
    timeNs: number,
  ): ChannelTotals {
    this.#learn(channel, counts);
    const { address, inode } = channel;
    return { kind: "totals", channel: address, generation: inode, lost, timeNs };
  }

  /** What found no room, and what was read and neither its record nor that count has told of. */
  #lostOf(channel: ChannelState, counts: ChannelCounts): number {
    if (this.#aside.has(channel)) return counts.lost;
    return Math.max(counts.lost, channel.lost + counts.moved + counts.unseen - channel.position);
  }

  /** Written and neither read nor seen to leave. Unknown, hence 0, where not all was counted. */
  #outstanding(channel: ChannelState, counts: ChannelCounts): number {
    if (this.#aside.has(channel) || this.#parts.isUncertain(channel)) return 0;
    return unreadOf(counts, channel.notes.ahead);
  }
}

/** `ahead`: bytes that lay in the channel before its writes were counted. */
function unreadOf(counts: ChannelCounts, ahead: number): number {
  // packets are not read as a stream
  const isStream = counts.kind !== "unix-dgram" && counts.kind !== "unix-seqpacket";
  if (counts.muted || !isStream) return 0;
  return Math.max(0, counts.written + ahead - counts.moved - counts.unseen);
}

/** More has left the channel than its records have told, those included that found no room. */
function isBehind(channel: ChannelState, counts: ChannelCounts): boolean {
  const told = channel.position + Math.max(0, counts.lost - channel.lost);
  return told < counts.moved + counts.unseen;
}
