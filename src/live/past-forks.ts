/** The processes that run now in, as if they had been forked just then, out: who is whose child. */
import { listProcesses, readFamily } from "../capture/proc.ts";
import type { ForkEvent } from "../capture/types.ts";

const CLOCK_TICK_NS = 10_000_000;

/** Parents before their children. Starts are as exact as /proc tells: 10 ms. */
export function pastForks(): ForkEvent[] {
  const forks = listProcesses().flatMap((pid): ForkEvent[] => {
    const family = readFamily(pid);
    if (family === undefined) return [];
    const startNs = family.startTicks * CLOCK_TICK_NS;
    return [
      { kind: "fork", pid, parentPid: family.parentPid, startNs, timeNs: startNs, cgroupId: 0n },
    ];
  });
  return forks.sort((a, b) => a.startNs - b.startNs || a.pid - b.pid);
}
