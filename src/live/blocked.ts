/** Threads that are inside a call that moves bytes through a pipe or Unix stream socket at this moment. */

import type { ThreadId } from "../capture/blocked-watch.ts";
import type { Holder } from "../capture/holders.ts";
import type { Kernel } from "../capture/kernel.ts";
import { movingOf } from "../capture/moving-calls.ts";
import { isThreadAlive, listThreads, readBlockedCall } from "../capture/proc.ts";
import type { Subject } from "./subject.ts";

export interface BlockedThread extends ThreadId {
  /** The ends that it is writing to: how much of that has moved already is not known. */
  readonly writesTo: readonly Holder[];
}

const LOOK_NS = 2_000_000_000;

/** Takes the programs for such calls away when the last of them has returned. */
export class BlockedRelease implements Subject {
  readonly everyNs = LOOK_NS;
  readonly #kernel: Pick<Kernel, "releaseBlocked">;

  constructor(kernel: Pick<Kernel, "releaseBlocked">) {
    this.#kernel = kernel;
  }

  chores(): void {
    this.#kernel.releaseBlocked();
  }
}

/** `holders`: who holds which channel. One that waits elsewhere, say for a network, may do so for days. */
export function findBlockedThreads(holders: readonly Holder[]): BlockedThread[] {
  const streams = holders.filter(
    ({ pid, kind }) => kind !== "unix-dgram" && kind !== "unix-seqpacket" && pid !== process.pid,
  );
  return [...Map.groupBy(streams, ({ pid }) => pid)].flatMap(([pid, held]) =>
    listThreads(pid).flatMap((tid) => findBlocked(held, pid, tid) ?? []),
  );
}

/** Those that have ended since. */
export function findEnded(threads: readonly ThreadId[]): ThreadId[] {
  return threads.filter(({ pid, tid }) => !isThreadAlive(pid, tid));
}

/** Addresses of the channels that somebody is inside a write of: positions of its writes are unknown from now on. */
export function findHalfWritten(threads: readonly BlockedThread[]): Set<number> {
  const ends = threads.flatMap(({ writesTo }) => writesTo);
  // a socket writes into its peer
  return new Set(ends.map(({ kind, channel, peer }) => (kind === "unix-stream" ? peer : channel)));
}

function findBlocked(held: readonly Holder[], pid: number, tid: number): BlockedThread | undefined {
  const call = readBlockedCall(pid, tid);
  const moving = call && movingOf(call);
  if (!moving) return undefined;
  const { through, into } = moving;
  const ends = through === "any" ? held : held.filter(({ fd }) => through.includes(fd));
  if (ends.length === 0) return undefined;
  const writesTo = ends.filter(({ fd, mayWrite }) => mayWrite && (into === "any" || into === fd));
  return { pid, tid, writesTo };
}
