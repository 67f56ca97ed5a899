/** The system calls that move bytes through a channel, by number: what bpf/syscalls.h knows, without io_uring's. */

interface Calls {
  readonly reading: readonly number[];
  /** Those that move bytes from one channel into another, too. */
  readonly writing: readonly number[];
}

type Architecture = "x64" | "arm64";

// read, readv, recvfrom, recvmsg, recvmmsg, preadv2; write, writev, sendfile, sendto, sendmsg, splice, tee, vmsplice,
// sendmmsg, pwritev2
const X64: Calls = {
  reading: [0, 19, 45, 47, 299, 327],
  writing: [1, 20, 40, 44, 46, 275, 276, 278, 307, 328],
};
const ARM64: Calls = {
  reading: [63, 65, 207, 212, 243, 286],
  writing: [64, 66, 71, 206, 211, 76, 77, 75, 269, 287],
};

/** i386: the call's own number and its arguments lie in memory. */
const SOCKETCALL = 102;

// the same of 32-bit tasks, where some have two numbers; these are those of other 64-bit calls, too
const I386: Calls = {
  reading: [3, 145, 371, 372, 337, 417, 378],
  writing: [4, 146, 187, 239, 369, 370, 313, 315, 316, 345, 379, SOCKETCALL],
};
const ARM: Calls = {
  reading: [3, 145, 291, 292, 297, 365, 417, 392],
  writing: [4, 146, 187, 239, 289, 290, 296, 340, 342, 343, 374, 393],
};

export function movingCalls(arch: Architecture): Calls {
  const [wide, compat] = arch === "arm64" ? [ARM64, ARM] : [X64, I386];
  return {
    reading: [...wide.reading, ...compat.reading],
    writing: [...wide.writing, ...compat.writing],
  };
}

const HERE = movingCalls(process.arch === "arm64" ? "arm64" : "x64");
const READING = new Set(HERE.reading);
const WRITING = new Set(HERE.writing);
// of both architectures, 64 and 32 bits: those of another one are in neither set above
const SPLICE = new Set([275, 313, 76, 340]);
const TEE = new Set([276, 315, 77, 342]);
// socketcall's first argument. Source: include/uapi/linux/net.h
const SEND = new Set([9, 11, 16, 20]);
const RECEIVE = new Set([10, 12, 17, 19]);

/** What a call moves bytes through. */
export interface Moving {
  /** Descriptors; undefined: the arguments do not say. */
  readonly through: readonly number[] | undefined;
  /** Which of them is written to; undefined: none, or any of what the process holds. */
  readonly into: number | undefined;
  readonly isWriting: boolean;
}

/** undefined: the call moves nothing through a channel. */
export function movingOf(call: {
  readonly number: number;
  readonly arguments: readonly number[];
}): Moving | undefined {
  const { number } = call;
  const [first = -1, second = -1, third = -1] = call.arguments;
  if (number === SOCKETCALL && process.arch !== "arm64") {
    if (!SEND.has(first) && !RECEIVE.has(first)) return undefined;
    return { through: undefined, into: undefined, isWriting: SEND.has(first) };
  }
  if (READING.has(number)) return { through: [first], into: undefined, isWriting: false };
  if (!WRITING.has(number)) return undefined;
  if (SPLICE.has(number)) return { through: [first, third], into: third, isWriting: true };
  if (TEE.has(number)) return { through: [first, second], into: second, isWriting: true };
  return { through: [first], into: first, isWriting: true };
}
