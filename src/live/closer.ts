/** Finds out which channels have ended, and what was left in them. */

import type { ChannelCounts } from "../capture/channel-counts.ts";
import type { Holder } from "../capture/holders.ts";
import type {
  ChannelClosed,
  ChannelTotals,
  IoEvent,
  KernelEvent,
  ProcessDirectory,
} from "../capture/types.ts";
import type { ChannelState } from "../stream/channel-state.ts";
import type { StreamInput } from "../stream/stream-stage.ts";

/** What the closer needs of the kernel. */
export interface ChannelSource {
  counts(channel: number): ChannelCounts | undefined;
  forget(channel: number, generation: number): void;
  scan(): readonly Holder[];
}

export interface CloserParts {
  readonly kernel: ChannelSource;
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
      this.#close(channel, this.#parts.kernel.counts(address), end.timeNs, true);
    }
    this.#ended.clear();
  }

  /** When idle: channels that nobody holds any more. */
  closeUnheld(nowNs: number, isLast = false): void {
    if (nowNs >= this.#nextScanNs) this.#scanDueNs = Math.min(this.#scanDueNs, nowNs);
    if (!isLast && nowNs < this.#scanDueNs) return;
    this.#scanDueNs = Number.POSITIVE_INFINITY;
    if (this.#parts.channels().size === 0) return;
    this.#nextScanNs = nowNs + REGULAR_NS;
    this.#lastScanNs = nowNs;
    const isHeld = heldBy(this.#parts.kernel.scan());
    for (const channel of [...this.#parts.channels().values()]) {
      if (!isHeld(channel)) this.#closeIfOver(channel, nowNs);
    }
  }

  #closeIfOver(channel: ChannelState, nowNs: number): void {
    const found = this.#parts.kernel.counts(channel.address);
    const isGone =
      channel.reader === undefined ||
      channel.reader.exit !== undefined ||
      isReplaced(channel, found);
    // descriptors on their way through a socket are in no table: give them time
    const isOver = isGone || nowNs - channel.lastTimeNs > IDLE_NS;
    if (isOver && this.#close(channel, found, nowNs, false)) return;
    this.#scanDueNs = Math.min(this.#scanDueNs, nowNs + (isOver ? BETWEEN_NS : IDLE_NS));
  }

  /**
   * When idle: bytes that the ring had no room for and no later record has told of. False when records came
   * meanwhile: the counts may be of a time behind them, and a gap in the wrong place would cut good lines.
   */
  catchUp(nowNs: number): boolean {
    const found = [...this.#parts.channels().values()].flatMap((channel) => {
      const counts = this.#parts.kernel.counts(channel.address);
      return counts && counts.lost > channel.lost ? [this.#totals(channel, counts, nowNs)] : [];
    });
    if (!this.#parts.isQuiet()) return false;
    for (const each of found) this.#parts.push(each);
    return true;
  }

  /** At the end: bytes whose records are still in the ring, or were never heard of, are lost. */
  giveUp(nowNs: number): void {
    for (const channel of this.#parts.channels().values()) {
      const counts = this.#parts.kernel.counts(channel.address);
      if (counts) this.#tellRest(channel, counts, nowNs);
    }
  }

  /** What was read, and neither its record nor the count of what found no room has told of, is lost. */
  #tellRest(channel: ChannelState, counts: ChannelCounts, nowNs: number): void {
    if (this.#aside.has(channel) || counts.generation !== channel.inode) return;
    const taken = counts.moved + counts.unseen;
    const lost = channel.lost + Math.max(0, taken - channel.position);
    this.#parts.push({ ...this.#totals(channel, counts, nowNs), lost });
  }

  /** At the end: what was written, not read, and does not lie in the channel either. */
  countMissed(): void {
    const buffered = new Map(
      this.#parts.kernel.scan().map((holder) => [holder.channel, holder.buffered]),
    );
    for (const channel of this.#parts.channels().values()) {
      const lying = buffered.get(channel.address);
      const counts = this.#parts.kernel.counts(channel.address);
      if (lying === undefined || !counts) continue;
      const missed = this.#outstanding(channel, counts) - lying;
      if (missed > 0 && this.#parts.hasSkips()) this.missedBytes += missed;
    }
  }

  /** `found`: the entry at the channel's address. False: records of the channel are still in the ring. */
  #close(
    channel: ChannelState,
    found: ChannelCounts | undefined,
    nowNs: number,
    wasRead: boolean,
  ): boolean {
    // another channel has the address by now: the last word on this one is in the ring, or was lost there
    const isOther = isReplaced(channel, found);
    if (isOther && !this.#parts.isQuiet()) return false;
    const counts = isOther ? undefined : found;
    if (counts && isBehind(channel, counts) && !this.#parts.isQuiet()) return false;
    if (counts) {
      this.#parts.push(this.#totals(channel, counts, nowNs));
      this.#tellRest(channel, counts, nowNs);
    }
    channel.wanted ||= counts?.wanted ?? false;
    // its frames may still wait for a note: the entry that names the writer goes now
    channel.likelyWriter();
    const outstanding = counts ? this.#outstanding(channel, counts) : 0;
    const isSkip = wasRead && this.#parts.hasSkips();
    if (isSkip) this.missedBytes += outstanding;
    const closed: ChannelClosed = {
      kind: "closed",
      channel: channel.address,
      generation: channel.inode,
      unreadBytes: wasRead ? 0 : outstanding,
      missedBytes: wasRead && !isSkip ? outstanding : 0,
      isReplaced: isOther,
      timeNs: nowNs,
    };
    this.#parts.push(closed);
    if (!isOther) this.#parts.kernel.forget(channel.address, channel.inode);
    return true;
  }

  /** What is told now needs names: no record may have brought them, while the ring was full. */
  #totals(channel: ChannelState, counts: ChannelCounts, timeNs: number): ChannelTotals {
    if (counts.generation === channel.inode) channel.nameEnds(counts, this.#parts.processes);
    return {
      kind: "totals",
      channel: channel.address,
      generation: counts.generation,
      lost: counts.lost,
      timeNs,
    };
  }

  /** Written and neither read nor seen to leave. Unknown, hence 0, where not all was counted. */
  #outstanding(channel: ChannelState, counts: ChannelCounts): number {
    const isCounted =
      !this.#aside.has(channel) && !counts.muted && !this.#parts.isUncertain(channel);
    const isStream = channel.kind !== "unix-dgram" && channel.kind !== "unix-seqpacket";
    if (!isCounted || !isStream || counts.generation !== channel.inode) return 0;
    return Math.max(0, counts.written + channel.notes.ahead - counts.moved - counts.unseen);
  }
}

/** Another channel has the address. */
function isReplaced(channel: ChannelState, found: ChannelCounts | undefined): boolean {
  return found !== undefined && found.generation !== channel.inode;
}

/** More has left the channel than its records have told, those included that found no room. */
function isBehind(channel: ChannelState, counts: ChannelCounts): boolean {
  const told = channel.position + Math.max(0, counts.lost - channel.lost);
  return told < counts.moved + counts.unseen;
}

/** Whether somebody can still read from a channel. */
function heldBy(holders: readonly Holder[]): (channel: ChannelState) => boolean {
  const readers = holders.filter((each) => each.kind.startsWith("unix") || each.mayRead);
  // the same address with another inode is another channel
  const held = new Map(readers.map((each) => [each.channel, each.generation]));
  // written to and not accepted yet: in no process's table; the other end is
  const connected = new Set(holders.map((each) => each.peer));
  return ({ address, inode }) =>
    inode === 0 ? held.has(address) || connected.has(address) : held.get(address) === inode;
}
