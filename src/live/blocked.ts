/** Threads that are inside a call that moves bytes through a pipe or Unix stream socket at this moment. */
import type { Holder } from "../capture/holders.ts";
import type { ThreadId } from "../capture/kernel.ts";
import { hidesDescriptors, movingSide } from "../capture/moving-calls.ts";
import { hasThread, listThreads, readBlockedCall } from "../capture/proc.ts";

export interface BlockedThread extends ThreadId {
  /** What its call may be about: what it holds of channels, as far as the arguments tell. */
  readonly ends: readonly Holder[];
  /** It is inside a write: how much of that moved before is not known. */
  readonly isWriting: boolean;
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
export function findEnded<T extends ThreadId>(threads: readonly T[]): T[] {
  return threads.filter(({ pid, tid }) => !hasThread(pid, tid));
}

/** Addresses of the channels that somebody is inside a write of: positions of its writes are unknown from now on. */
export function findHalfWritten(threads: readonly BlockedThread[]): Set<number> {
  const ends = threads.flatMap((thread) => (thread.isWriting ? thread.ends : []));
  const written = ends.filter(({ mayWrite }) => mayWrite);
  // a socket writes into its peer
  return new Set(
    written.map(({ kind, channel, peer }) => (kind === "unix-stream" ? peer : channel)),
  );
}

function findBlocked(held: readonly Holder[], pid: number, tid: number): BlockedThread | undefined {
  const call = readBlockedCall(pid, tid);
  const side = call && movingSide(call.number);
  if (side === undefined) return undefined;
  // which argument is a descriptor depends on the call (splice has two); one taken wrongly costs little, since the
  // programs look again
  const ends = hidesDescriptors(call?.number ?? -1)
    ? held
    : held.filter(({ fd }) => call?.arguments.includes(fd));
  return ends.length > 0 ? { pid, tid, ends, isWriting: side === "writing" } : undefined;
}
