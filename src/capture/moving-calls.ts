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

/** undefined: the call moves nothing through a channel. */
export function movingSide(number: number): "reading" | "writing" | undefined {
  if (WRITING.has(number)) return "writing";
  return READING.has(number) ? "reading" : undefined;
}

/** Whether the call's arguments do not say which descriptors it is about. */
export function hidesDescriptors(number: number): boolean {
  return number === SOCKETCALL && process.arch !== "arm64";
}
