/** The system calls that move bytes through a channel, by number: what bpf/syscalls.h knows, without io_uring's. */

// read, write, readv, writev, sendfile, sendto, recvfrom, sendmsg, recvmsg, splice, tee, vmsplice, recvmmsg, sendmmsg,
// preadv2, pwritev2
const X64 = [0, 1, 19, 20, 40, 44, 45, 46, 47, 275, 276, 278, 299, 307, 327, 328];
const ARM64 = [63, 64, 65, 66, 71, 206, 207, 211, 212, 76, 77, 75, 243, 269, 286, 287];

// the same of 32-bit tasks, where some have two numbers
const I386 = [3, 4, 145, 146, 187, 239, 369, 371, 370, 372, 313, 315, 316, 337, 417, 345, 378, 379];
const ARM = [
  3, 4, 145, 146, 187, 239, 289, 290, 291, 292, 296, 297, 340, 342, 343, 365, 417, 374, 392, 393,
];

/** i386: the call's own number and its arguments lie in memory. */
export const SOCKETCALL = process.arch === "arm64" ? undefined : 102;

/** 32-bit numbers are those of other 64-bit calls, too: a number in here is no proof. */
export const MOVING_CALLS: ReadonlySet<number> = new Set(movingCalls(process.arch));

export function movingCalls(arch: string): number[] {
  return arch === "arm64" ? [...ARM64, ...ARM] : [...X64, ...I386, 102];
}
