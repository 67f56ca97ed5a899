/** Ends of processes and a look at all open files in; channels that nobody holds any more are closed. */
import { existsSync } from "node:fs";
import type { CountedChannel } from "../capture/channel-entries.ts";
import type { Holder } from "../capture/holders.ts";
import type { KernelEvent, Party } from "../capture/types.ts";
import { isProcess } from "../party.ts";
import type { ChannelState } from "../stream/channel-state.ts";
import type { Accounts } from "./accounts.ts";
import { type HeirsOf, heirsIn } from "./heirs.ts";
import { heldBy, type IsHeld } from "./held-by.ts";
import type { Subject } from "./subject.ts";

export interface HoldersParts {
  readonly accounts: Pick<Accounts, "close" | "endUnknown" | "unknown">;
  readonly scan: () => readonly Holder[];
  readonly channels: () => ReadonlyMap<number, ChannelState>;
  /** True when every record has been taken out of the ring. */
  readonly isQuiet: () => boolean;
}

const AFTER_EXIT_NS = 50_000_000;
const BETWEEN_NS = 500_000_000;
const IDLE_NS = 5_000_000_000;
const REGULAR_NS = 10_000_000_000;
const LOOK_NS = 200_000_000;

export class HoldersWatch implements Subject {
  readonly everyNs = LOOK_NS;
  readonly #parts: HoldersParts;
  /** When a channel was first found in nobody's table, and in all looks since. */
  readonly #unheldSinceNs = new WeakMap<ChannelState, number>();
  /** Who holds channels of which an end has gone, as of the last look. */
  readonly #heirs = new Set<number>();
  #scanDueNs = Number.POSITIVE_INFINITY;
  #nextScanNs = 0;
  #lastScanNs = 0;

  constructor(parts: HoldersParts) {
    this.#parts = parts;
  }

  /** When to look next who holds the channels. */
  get dueNs(): number {
    return this.#scanDueNs;
  }

  observe(event: KernelEvent): void {
    if (event.kind !== "broken" && !(event.kind === "exit" && this.#isParty(event.pid))) return;
    const dueNs = Math.max(event.timeNs + AFTER_EXIT_NS, this.#lastScanNs + BETWEEN_NS);
    this.#scanDueNs = Math.min(this.#scanDueNs, dueNs);
  }

  chores(nowNs: number): void {
    this.look(nowNs);
  }

  /** When idle: channels that nobody holds any more. */
  look(nowNs: number, isLast = false): void {
    const isRegular = nowNs >= this.#nextScanNs;
    if (!isRegular && !isLast && nowNs < this.#scanDueNs) return;
    this.#scanDueNs = Number.POSITIVE_INFINITY;
    const unknown = isRegular ? this.#parts.accounts.unknown() : [];
    if (this.#parts.channels().size + unknown.length === 0) return;
    if (isRegular) this.#nextScanNs = nowNs + REGULAR_NS;
    this.#lastScanNs = nowNs;
    const holders = this.#parts.scan();
    const isHeld = heldBy(holders);
    const heirsOf = heirsIn(holders, process.pid);
    this.#heirs.clear();
    for (const channel of [...this.#parts.channels().values()]) {
      this.#noteHeirs(channel, heirsOf);
      if (isHeld(channel)) this.#unheldSinceNs.delete(channel);
      else this.#closeIfOver(channel, nowNs, isLast);
    }
    if (!this.#parts.isQuiet()) return;
    for (const each of unknown) {
      if (!isThere(each, isHeld)) this.#parts.accounts.endUnknown(each, nowNs);
    }
  }

  #closeIfOver(channel: ChannelState, nowNs: number, isLast: boolean): void {
    const { reader } = channel;
    const isGone = reader === undefined ? isLast : "pid" in reader && reader.exit !== undefined;
    // descriptors on their way through a socket are in no table, nor are those that io_uring keeps: give them time, from
    // the first look on, since bytes may be old for other reasons, and as long as bytes come
    const unheldNs = this.#unheldSinceNs.get(channel) ?? nowNs;
    this.#unheldSinceNs.set(channel, unheldNs);
    const isOver = isGone || nowNs - Math.max(unheldNs, channel.lastTimeNs) >= IDLE_NS;
    if (isOver && this.#parts.accounts.close(channel, nowNs)) return;
    this.#scanDueNs = Math.min(this.#scanDueNs, nowNs + (isOver ? BETWEEN_NS : IDLE_NS));
  }

  /** Whoever has been followed by nobody yet. */
  #noteHeirs(channel: ChannelState, heirsOf: HeirsOf): void {
    if (!hasEnded(channel.reader) && !hasEnded(channel.writer)) return;
    const { readers, writers } = heirsOf(channel);
    channel.heirs = { canRead: readers.length > 0, canWrite: writers.length > 0 };
    for (const pid of [...readers, ...writers]) this.#heirs.add(pid);
  }

  /** Whether an end of a known channel was this process's, or would have become it. Until the next look it may have heirs. */
  #isParty(pid: number): boolean {
    let isParty = this.#heirs.has(pid);
    for (const channel of this.#parts.channels().values()) {
      if (!isPid(channel.reader, pid) && !isPid(channel.writer, pid)) continue;
      channel.heirs = { canRead: true, canWrite: true };
      isParty = true;
    }
    return isParty;
  }
}

/** Another host is not seen to end. */
function hasEnded(party: Party | undefined): boolean {
  return isProcess(party) && party.exit !== undefined;
}

function isPid(party: Party | undefined, pid: number): boolean {
  return party !== undefined && "pid" in party && party.pid === pid;
}

function isThere({ channel: address, counts }: CountedChannel, isHeld: IsHeld): boolean {
  const { generation, kind, readerPid, writerPid } = counts;
  if (kind !== "tls") return isHeld({ address, inode: generation });
  // by whichever socket it goes: it is over with its process, or when the kernel sees its end
  return existsSync(`/proc/${readerPid || writerPid}`);
}
