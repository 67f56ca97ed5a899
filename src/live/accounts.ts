/** What the kernel counted of a channel in; what of that no record told is told to the rooms. */
import type { ChannelCounts, ChannelEntries, CountedChannel } from "../capture/channel-entries.ts";
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
import { isBehind, isStream, leftOf, missingOf, toldOf } from "./channel-sums.ts";
import type { Subject } from "./subject.ts";

/** What is needed of the kernel's entries. */
export type EntrySource = Pick<ChannelEntries, "counts" | "last" | "present" | "ended" | "forget">;

export interface AccountParts {
  readonly entries: EntrySource;
  readonly scan: () => readonly Holder[];
  readonly channels: () => ReadonlyMap<number, ChannelState>;
  readonly push: (event: StreamInput) => void;
  /** True when every record has been taken out of the ring. */
  readonly isQuiet: () => boolean;
  readonly processes: ProcessDirectory;
  /** Channels that the kernel saw end so far. */
  readonly endedCount: () => number;
  /** True when the kernel skipped runs: then a missing read is no proof of io_uring. */
  readonly hasSkips: () => boolean;
}

const LOOK_NS = 200_000_000;
/** Nothing was read from a channel for so long: what lies in it does not just pass through. Of a write that waits for room
 * nothing is counted yet, hence not what is outstanding. */
const STILL_NS = 1_000_000_000;

export class Accounts implements Subject {
  readonly everyNs = LOOK_NS;
  readonly #parts: AccountParts;
  /** What had left a channel when its records were last found to be behind. */
  readonly #behind = new WeakMap<ChannelState, number>();
  #ended = 0;
  /** Bytes that were read and not heard although nothing explains it but skipped runs. */
  missedBytes = 0;

  constructor(parts: AccountParts) {
    this.#parts = parts;
  }

  /** Records of an end bring its counts. */
  observe(event: KernelEvent): void {
    if (event.kind === "eof") this.#closeRead(event);
    else if (event.kind === "close") this.#closeSocket(event);
  }

  chores(nowNs: number): void {
    const ended = this.#parts.endedCount();
    if (ended !== this.#ended && this.#closeEnded(nowNs)) this.#ended = ended;
  }

  /**
   * Its reader saw the end: all its records came before, and this one tells what was counted. The entry is gone, and
   * kept apart only where bytes were lost: their records might have named the ends.
   */
  #closeRead(end: IoEvent): void {
    const { channel: address, generation, lost, moved: left, len: missing, timeNs } = end;
    const last = lost > 0 ? this.#parts.entries.last(address, generation) : undefined;
    const channel = this.#parts.channels().get(address);
    if (channel?.inode === generation) {
      if (last) this.#learn(channel, last);
      const missedBytes = this.#outstanding(channel, missing);
      const isSkip = missedBytes > 0 && this.#parts.hasSkips();
      if (isSkip) this.missedBytes += missedBytes;
      const told = left - Math.max(0, end.skipped - channel.skipped);
      const { skipped } = end;
      this.#push(
        channel,
        { lost, left: told, skipped, missedBytes: isSkip ? 0 : missedBytes },
        timeNs,
      );
    } else if (last) this.#tellUnheard({ channel: address, counts: last }, timeNs);
    if (last) this.#parts.entries.forget(address, generation);
  }

  /** The socket that reads is over (or the one that writes, when its reader is another host): what lay in it nobody reads. */
  #closeSocket(end: IoEvent): void {
    const { channel: address, generation, lost, moved: left, skipped, timeNs } = end;
    const last = lost > 0 ? this.#parts.entries.last(address, generation) : undefined;
    const channel = this.#parts.channels().get(address);
    if (channel?.inode === generation) {
      if (last) this.#learn(channel, last);
      const told = left - Math.max(0, skipped - channel.skipped);
      const unreadBytes = this.#outstanding(channel, end.len);
      this.#push(channel, { lost, left: told, skipped, unreadBytes }, timeNs);
    } else if (last) this.#tellUnheard({ channel: address, counts: last }, timeNs);
    if (last) this.#parts.entries.forget(address, generation);
  }

  /** Entries of which no record was heard: the filter keeps the channel out, or the ring had room for nothing. */
  unknown(): CountedChannel[] {
    return this.#parts.entries.present().filter(({ channel, counts }) => {
      const known = this.#parts.channels().get(channel);
      return known === undefined || (known.inode !== 0 && known.inode !== counts.generation);
    });
  }

  /**
   * When idle: bytes that the ring had no room for and no later record has told of. False when records came
   * meanwhile: the counts may be of a time behind them, and a gap in the wrong place would cut good lines.
   */
  catchUp(nowNs: number): boolean {
    if (!this.#parts.isQuiet()) return false;
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

  /**
   * When idle: channels that the kernel saw end and no record has told of, since the ring was full, or the one that has
   * the address now says nothing. False when records came meanwhile, perhaps theirs.
   */
  #closeEnded(nowNs: number): boolean {
    const ended = this.#parts.entries.ended();
    if (!this.#parts.isQuiet()) return false;
    this.#endAll(ended, nowNs);
    return true;
  }

  #endAll(ended: readonly CountedChannel[], nowNs: number): void {
    for (const each of ended) {
      const { generation } = each.counts;
      const known = this.#parts.channels().get(each.channel);
      if (known?.inode === generation) this.close(known, nowNs, each.counts);
      else this.endUnknown(each, nowNs);
    }
  }

  /** Ends one that is none of the rooms'. */
  endUnknown(unknown: CountedChannel, nowNs: number): void {
    this.#tellUnheard(unknown, nowNs);
    this.#parts.entries.forget(unknown.channel, unknown.counts.generation);
  }

  /** A channel that no record named. What lost nothing was closed already, or is none of the wanted. */
  #tellUnheard({ channel, counts }: CountedChannel, timeNs: number): void {
    if (counts.lost === 0) return;
    const { kind: channelKind } = counts;
    const unreadBytes = isStream(channelKind) ? Math.max(0, missingOf(counts)) : 0;
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
      lost: this.#lostOf(channel, counts.lost, toldOf(channel, counts)),
      unreadBytes: this.#outstanding(channel, missingOf(counts)),
    };
  }

  /** At the end: bytes whose records are still in the ring, or were never heard of, are lost. */
  giveUp(nowNs: number): void {
    this.#endAll(this.#parts.entries.ended(), nowNs);
    for (const channel of this.#parts.channels().values()) {
      const counts = this.#countsOf(channel);
      if (!counts) continue;
      const lost = this.#lostOf(channel, counts.lost, toldOf(channel, counts));
      this.#parts.push(this.#totals(channel, counts, lost, nowNs));
    }
    for (const each of this.unknown()) this.#tellUnheard(each, nowNs);
  }

  /** At the end: what was written and not read lies in the channel, and is told, or was missed. */
  tellLying(nowNs: number): void {
    const holders = new Map(this.#parts.scan().map((holder) => [holder.channel, holder]));
    for (const channel of this.#parts.channels().values()) {
      const holder = holders.get(channel.address);
      const counts = this.#countsOf(channel);
      if (holder === undefined || !counts || counts.muted) continue;
      const outstanding = this.#outstanding(channel, missingOf(counts));
      const isStill = nowNs - channel.lastTimeNs >= STILL_NS;
      const bytes = lyingOf(holder, isStill || channel.unplaced ? Infinity : outstanding);
      const { address, inode: generation } = channel;
      if (bytes > 0) {
        this.#parts.push({ kind: "lying", channel: address, generation, bytes, timeNs: nowNs });
      }
      const missed = outstanding - holder.buffered;
      if (missed > 0 && this.#parts.hasSkips()) this.missedBytes += missed;
    }
  }

  /** Ends it in the rooms. False: records of the channel are still in the ring, or about to be. */
  close(channel: ChannelState, nowNs: number, counts = this.#countsOf(channel)): boolean {
    if (!this.#isTold(channel, counts)) return false;
    if (!counts) {
      this.#push(channel, { lost: channel.lost, left: 0 }, nowNs);
      return true;
    }
    this.#learn(channel, counts);
    const unreadBytes = this.#outstanding(channel, missingOf(counts));
    const { lost, skipped } = counts;
    this.#push(channel, { lost, left: toldOf(channel, counts), skipped, unreadBytes }, nowNs);
    this.#parts.entries.forget(channel.address, counts.generation);
    return true;
  }

  /** Whether all that is counted has been heard or will never be: bytes are counted before their record is in the ring. */
  #isTold(channel: ChannelState, counts: ChannelCounts | undefined): boolean {
    if (counts && !isBehind(channel, counts)) return true;
    if (!this.#parts.isQuiet()) return false;
    if (!counts) return true;
    const before = this.#behind.get(channel);
    this.#behind.set(channel, leftOf(counts));
    return before === leftOf(counts);
  }

  #push(
    channel: ChannelState,
    counted: {
      lost: number;
      left: number;
      skipped?: number;
      unreadBytes?: number;
      missedBytes?: number;
    },
    timeNs: number,
  ): void {
    // its frames may still wait for a note: what names the writer goes now
    channel.likelyWriter();
    const closed: ChannelClosed = {
      kind: "closed",
      channel: channel.address,
      generation: channel.inode,
      lost: this.#lostOf(channel, counted.lost, counted.left),
      unreadBytes: counted.unreadBytes ?? 0,
      missedBytes: counted.missedBytes ?? 0,
      skipped: counted.skipped ?? 0,
      timeNs,
    };
    this.#parts.push(closed);
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
    const { address } = channel;
    return { kind: "totals", channel: address, generation: counts.generation, lost, timeNs };
  }

  /** `lost`: what found no room. `left`: what left the channel: if neither a record nor `lost` tells of it, it is lost. */
  #lostOf(channel: ChannelState, lost: number, left: number): number {
    if (channel.uncounted) return lost;
    return Math.max(lost, channel.lost + left - channel.position);
  }

  /** Of `missing`, what was written since the channel is heard or lay in it. Unknown, hence 0, where not all was counted. */
  #outstanding(channel: ChannelState, missing: number): number {
    if (channel.unplaced) return 0;
    return isStream(channel.kind) ? Math.max(0, missing + channel.notes.ahead) : 0;
  }
}

/** What lies in a pipe or a Unix socket, at most so much: more was written after the last record. */
function lyingOf({ kind, buffered }: Holder, mostBytes: number): number {
  const isKnown = kind === "pipe" || kind === "fifo" || kind === "unix-stream";
  return isKnown ? Math.min(buffered, mostBytes) : 0;
}
