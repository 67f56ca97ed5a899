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
  let notesLost = 0;
  let unattributedBytes = kernel.counters().mapFullBytes - stream.toldTwiceBytes;
  for (const channel of kernel.channels()) {
    const counts = kernel.counts(channel);
    notesLost += counts?.notesLost ?? 0;
    if (!stream.channels.has(channel)) unattributedBytes += counts?.lost ?? 0;
  }
  return {
    frontEnd: kernel.frontEnd,
    kernel: release(),
    exact: skippedRuns === 0 && missedBytes === 0,
    skippedRuns,
    missedBytes,
    notesLost,
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
