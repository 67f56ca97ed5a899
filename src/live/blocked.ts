/** Threads that are inside a call that moves bytes through a pipe or Unix stream socket at this moment. */
import type { Holder } from "../capture/holders.ts";
import type { ThreadId } from "../capture/kernel.ts";
import { MOVING_CALLS, SOCKETCALL } from "../capture/moving-calls.ts";
import { hasThread, listThreads, readBlockedCall } from "../capture/proc.ts";

/** `holders`: who holds which channel. One that waits elsewhere, say for a network, may do so for days. */
export function findBlockedThreads(holders: readonly Holder[]): ThreadId[] {
  const held = new Map<number, Set<number>>();
  for (const { pid, fd, kind } of holders) {
    if (kind === "unix-dgram" || kind === "unix-seqpacket" || pid === process.pid) continue;
    const descriptors = held.get(pid) ?? new Set();
    held.set(pid, descriptors.add(fd));
  }
  return [...held].flatMap(([pid, descriptors]) =>
    listThreads(pid)
      .filter((tid) => isBlockedIn(descriptors, pid, tid))
      .map((tid) => ({ pid, tid })),
  );
}

/** Those that have ended since. */
export function findEnded(threads: readonly ThreadId[]): ThreadId[] {
  return threads.filter(({ pid, tid }) => !hasThread(pid, tid));
}

function isBlockedIn(descriptors: ReadonlySet<number>, pid: number, tid: number): boolean {
  const call = readBlockedCall(pid, tid);
  if (!call || !MOVING_CALLS.has(call.number)) return false;
  // which argument is a descriptor depends on the call (splice has two); one taken wrongly costs nothing, since the
  // programs look again
  return call.number === SOCKETCALL || call.arguments.some((each) => descriptors.has(each));
}
