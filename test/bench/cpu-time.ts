/** A process in, the CPU time that it has used out. */
import { dlopen } from "bun:ffi";

const libc = dlopen("libc.so.6", { clock_gettime: { args: ["i32", "ptr"], returns: "i32" } });
const time = new BigInt64Array(new ArrayBuffer(16));
/** CPUCLOCK_SCHED, of a process. Source: MAKE_PROCESS_CPUCLOCK, include/linux/posix-timers.h. */
const CPU_CLOCK = 2;

/** ns, of all threads, also of those that have ended; throws when there is no such process. */
export function cpuTimeOf(pid: number): number {
  if (libc.symbols.clock_gettime((~pid << 3) | CPU_CLOCK, time) !== 0)
    throw new Error(`process ${pid} is gone: its CPU time cannot be read`);
  const [seconds = 0n, nanoseconds = 0n] = time;
  return Number(seconds * 1_000_000_000n + nanoseconds);
}
