/** Accounts and who holds the channels, between a made-up kernel and a real stream room. */
import type { ExitEvent, StreamEvent } from "../../../src/capture/types.ts";
import { Accounts } from "../../../src/live/accounts.ts";
import { HoldersWatch } from "../../../src/live/holders-watch.ts";
import type { StreamInput, StreamOutput } from "../../../src/stream/stream-stage.ts";
import { StreamStage } from "../../../src/stream/stream-stage.ts";
import { brief, processes } from "../stream/events.ts";
import { FakeKernel } from "./fake-kernel.ts";

export const SECOND = 1_000_000_000;

export function setUp() {
  const kernel = new FakeKernel();
  const directory = processes();
  const stage: StreamStage = new StreamStage(directory, {
    lastWord: (channel) => accounts.lastWord(channel),
  });
  const out: StreamOutput[] = [];
  const state = { isQuiet: true, hasSkips: false, endedCount: 0 };
  const push = (event: StreamInput) => out.push(...stage.push(event));
  const channels = () => stage.channels;
  const isQuiet = () => state.isQuiet;
  const scan = () => kernel.scan();
  const accounts: Accounts = new Accounts({
    entries: kernel,
    scan,
    channels,
    push,
    isQuiet,
    processes: directory,
    endedCount: () => state.endedCount,
    hasSkips: () => state.hasSkips,
  });
  const holders = new HoldersWatch({ accounts, scan, channels, isQuiet });
  return {
    kernel,
    stage,
    accounts,
    holders,
    state,
    /** As the session does it: through the rooms, then past those two. */
    hear(...events: readonly StreamEvent[]) {
      for (const event of events) {
        push(event);
        accounts.observe(event);
        holders.observe(event);
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
