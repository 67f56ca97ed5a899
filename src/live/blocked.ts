/** Threads that are inside a read or a write of a pipe or Unix stream socket at this moment. */
import type { Holder } from "../capture/holders.ts";
import { listThreads, readBlockedCall } from "../capture/proc.ts";

interface Thread {
  readonly pid: number;
  readonly tid: number;
}

// read, write, readv, writev, recvfrom, sendto, recvmsg, sendmsg, recvmmsg, sendmmsg, preadv2, pwritev2
const X64 = [0, 1, 19, 20, 45, 44, 47, 46, 299, 307, 327, 328];
const ARM64 = [63, 64, 65, 66, 207, 206, 212, 211, 243, 269, 286, 287];
// the same of 32-bit tasks, and socketcall: their numbers overlap with other 64-bit calls, harmlessly
const COMPAT = [3, 4, 102, 145, 146, 371, 369, 372, 370, 337, 345, 378, 379];

const CALLS: ReadonlySet<number> = new Set([
  ...(process.arch === "arm64" ? ARM64 : X64),
  ...COMPAT,
]);

/** `holders`: who holds which channel. One that waits elsewhere, say for a network, may do so for days. */
export function findBlockedThreads(holders: readonly Holder[]): Thread[] {
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

function isBlockedIn(descriptors: ReadonlySet<number>, pid: number, tid: number): boolean {
  const call = readBlockedCall(pid, tid);
  if (!call || !CALLS.has(call.number)) return false;
  // socketcall has no descriptor among its own arguments: take it for one
  return descriptors.has(call.first) || (call.number === 102 && process.arch !== "arm64");
}
