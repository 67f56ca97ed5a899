/** The system calls that move bytes through a channel, by number: what bpf/syscalls.h knows, without io_uring's. */

/** Which of a call's arguments are descriptors, and into which of them it writes. */
interface MovingCall {
  readonly through: readonly number[];
  readonly into: number | undefined;
}

const READ: MovingCall = { through: [0], into: undefined };
/** Of sendfile, too: it reads from a file. */
const WRITE: MovingCall = { through: [0], into: 0 };
const SPLICE: MovingCall = { through: [0, 2], into: 2 };
const TEE: MovingCall = { through: [0, 1], into: 1 };

type MovingCalls = ReadonlyMap<number, MovingCall>;

function numbered(...kinds: readonly (readonly [MovingCall, readonly number[]])[]): MovingCalls {
  return new Map(kinds.flatMap(([call, numbers]) => numbers.map((number) => [number, call])));
}

// 64-bit calls, then those of 32-bit tasks, whose numbers are those of other 64-bit calls, too. Each time read, readv,
// recvfrom, recvmsg, recvmmsg, preadv2; write, writev, sendfile, sendto, sendmsg, vmsplice, sendmmsg, pwritev2. In 32 bits
// some have two numbers.
export const X64_CALLS = numbered(
  [READ, [0, 19, 45, 47, 299, 327]],
  [WRITE, [1, 20, 40, 44, 46, 278, 307, 328]],
  [SPLICE, [275, 313]],
  [TEE, [276, 315]],
  [READ, [3, 145, 371, 372, 337, 417, 378]],
  [WRITE, [4, 146, 187, 239, 369, 370, 316, 345, 379]],
);
export const ARM64_CALLS = numbered(
  [READ, [63, 65, 207, 212, 243, 286]],
  [WRITE, [64, 66, 71, 206, 211, 75, 269, 287]],
  [SPLICE, [76, 340]],
  [TEE, [77, 342]],
  [READ, [3, 145, 291, 292, 297, 365, 417, 392]],
  [WRITE, [4, 146, 187, 239, 289, 290, 296, 343, 374, 393]],
);

/** i386: its first argument says which call it is, the others lie in memory. Source: include/uapi/linux/net.h */
export const SOCKETCALL = 102;
const SOCKETCALL_SENDS = new Set([9, 11, 16, 20]);
const SOCKETCALL_RECEIVES = new Set([10, 12, 17, 19]);

/** What a call moves bytes through: descriptors, or "any" where its arguments do not say. */
export interface Moving {
  readonly through: readonly number[] | "any";
  /** Which of them is written to. */
  readonly into: number | "any" | undefined;
}

/** undefined: the call moves nothing through a channel. */
export function movingOf(
  call: { readonly number: number; readonly arguments: readonly number[] },
  calls: MovingCalls = process.arch === "arm64" ? ARM64_CALLS : X64_CALLS,
): Moving | undefined {
  const values = call.arguments;
  if (call.number === SOCKETCALL && calls === X64_CALLS) {
    const which = values[0] ?? -1;
    if (SOCKETCALL_SENDS.has(which)) return { through: "any", into: "any" };
    return SOCKETCALL_RECEIVES.has(which) ? { through: "any", into: undefined } : undefined;
  }
  const known = calls.get(call.number);
  if (!known) return undefined;
  const argumentAt = (index: number) => values[index] ?? -1;
  return {
    through: known.through.map(argumentAt),
    into: known.into === undefined ? undefined : argumentAt(known.into),
  };
}
