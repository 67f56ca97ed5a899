/** A closer at work between a made-up kernel and a real stream room. */
import type { ExitEvent, KernelEvent } from "../../../src/capture/types.ts";
import { Closer } from "../../../src/live/closer.ts";
import type { StreamInput, StreamOutput } from "../../../src/stream/stream-stage.ts";
import { StreamStage } from "../../../src/stream/stream-stage.ts";
import { brief, processes } from "../stream/events.ts";
import { FakeKernel } from "./fake-kernel.ts";

export const SECOND = 1_000_000_000;

export function setUp() {
  const kernel = new FakeKernel();
  const directory = processes();
  const stage: StreamStage = new StreamStage(directory, {
    lastWord: (channel) => closer.lastWord(channel),
  });
  const out: StreamOutput[] = [];
  const state = { isQuiet: true, hasSkips: false };
  const push = (event: StreamInput) => out.push(...stage.push(event));
  const closer: Closer = new Closer({
    entries: kernel,
    scan: () => kernel.scan(),
    channels: () => stage.channels,
    push,
    isQuiet: () => state.isQuiet,
    processes: directory,
    hasSkips: () => state.hasSkips,
  });
  return {
    kernel,
    stage,
    closer,
    state,
    /** As the session does it: through the rooms, then past the closer. */
    hear(...events: readonly KernelEvent[]) {
      for (const event of events) {
        push(event);
        closer.observe(event);
      }
    },
    push,
    /** What came out since the last call. */
    take: () => brief(out.splice(0)),
    items: () => out.splice(0),
  };
}

export function exit(pid: number, timeNs: number): ExitEvent {
  return { kind: "exit", pid, startNs: pid * 1_000, timeNs, status: 0 };
}
