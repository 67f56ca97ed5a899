/** What only the capture knows about a run, for its summary. */
import { release } from "node:os";
import type { Kernel } from "../capture/kernel.ts";
import type { CaptureFacts, CoverageLine } from "../exchange/types.ts";
import type { StreamStage } from "../stream/stream-stage.ts";

export function captureFacts(
  kernel: Pick<Kernel, "skippedRuns" | "frontEnd" | "counters">,
  stream: StreamStage,
  missedBytes: number,
): CaptureFacts {
  const skippedRuns = kernel.skippedRuns();
  return {
    frontEnd: kernel.frontEnd,
    kernel: release(),
    exact: skippedRuns === 0 && missedBytes === 0,
    skippedRuns,
    missedBytes,
    ...kernel.counters(),
    channelsSeen: stream.channelsSeen,
  };
}

/** Parts of the front end that this kernel does not take: no event could tell. */
export function missingParts(kernel: Pick<Kernel, "missing">, timeNs: number): CoverageLine[] {
  return kernel.missing.map((program) => ({
    kind: "coverage",
    reason: `no_${program}`,
    channel: undefined,
    process: undefined,
    bytes: 0,
    timeNs,
  }));
}

/** What was heard, and is in no line. */
export function untold(reason: string, count: number, timeNs: number): CoverageLine[] {
  if (count === 0) return [];
  return [
    { kind: "coverage", reason, channel: undefined, process: undefined, bytes: 0, count, timeNs },
  ];
}
