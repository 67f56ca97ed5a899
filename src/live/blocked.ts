/** Threads that are inside a read or a write of a pipe or socket at this moment. */
import { listProcesses, listThreads, readBlockedCall, readDescriptor } from "../capture/proc.ts";

// read, write, readv, writev, recvfrom, sendto, recvmsg, sendmsg, recvmmsg, sendmmsg, preadv2, pwritev2
const X64 = [0, 1, 19, 20, 45, 44, 47, 46, 299, 307, 327, 328];
const ARM64 = [63, 64, 65, 66, 207, 206, 212, 211, 243, 269, 286, 287];
// the same of 32-bit tasks, and socketcall: their numbers overlap with other 64-bit calls, harmlessly
const COMPAT = [3, 4, 102, 145, 146, 371, 369, 372, 370, 337, 345, 378, 379];

const CALLS: ReadonlySet<number> = new Set([
  ...(process.arch === "arm64" ? ARM64 : X64),
  ...COMPAT,
]);

export function findBlockedThreads(): { readonly pid: number; readonly tid: number }[] {
  return listProcesses()
    .filter((pid) => pid !== process.pid)
    .flatMap((pid) =>
      listThreads(pid)
        .filter((tid) => isBlockedInChannel(pid, tid))
        .map((tid) => ({ pid, tid })),
    );
}

function isBlockedInChannel(pid: number, tid: number): boolean {
  const call = readBlockedCall(pid, tid);
  if (!call || !CALLS.has(call.number)) return false;
  // socketcall has no descriptor among its own arguments: take it for one
  if (call.number === 102 && process.arch !== "arm64") return true;
  const file = readDescriptor(pid, call.first);
  // a named pipe shows as a path: leave only what surely is none
  return file !== undefined && !/^(\/dev\/|anon_inode)/.test(file);
}
