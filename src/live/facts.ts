/** What only the capture knows about a run, for its summary. */
import { release } from "node:os";
import type { Kernel } from "../capture/kernel.ts";
import type { CaptureFacts, CoverageLine } from "../exchange/types.ts";
import type { StreamStage } from "../stream/stream-stage.ts";

export function captureFacts(
  kernel: Kernel,
  stream: StreamStage,
  missedBytes: number,
): CaptureFacts {
  const skippedRuns = kernel.skippedRuns();
  const { notesLost, processEventsLost, ...counters } = kernel.counters();
  let unattributedBytes = counters.unattributedBytes - stream.toldTwiceBytes;
  for (const channel of kernel.channels()) {
    if (!stream.channels.has(channel)) unattributedBytes += kernel.counts(channel)?.lost ?? 0;
  }
  return {
    frontEnd: kernel.frontEnd,
    kernel: release(),
    exact: skippedRuns === 0 && missedBytes === 0,
    skippedRuns,
    missedBytes,
    notesLost,
    processEventsLost,
    channelsSeen: stream.channelsSeen,
    unattributedBytes,
  };
}

/** Parts of the front end that this kernel does not take: no event could tell. */
export function missingParts(kernel: Kernel, timeNs: number): CoverageLine[] {
  return kernel.missing.map((program) => ({
    kind: "coverage",
    reason: `no_${program}`,
    channel: undefined,
    process: undefined,
    bytes: 0,
    timeNs,
  }));
}
