/** Counts what a session leaves out, and says so in coverage lines: at once, and the rest at its end. */
import type { Message } from "../../message/types.ts";
import type { Call } from "../call/call.ts";
import type { CoverageLine, ExchangeItem } from "../types.ts";
import type { Dropped, SessionState } from "./session-state.ts";

/** JSON-RPC that is not MCP. */
export function countOther(state: SessionState, message: Message): void {
  state.other.count++;
  state.other.bytes += message.bytes;
}

/** A call that can no longer be paired, because too many wait. */
export function countForgotten(state: SessionState, call: Call): void {
  state.forgotten.count++;
  state.forgotten.bytes += call.message.bytes;
}

/** What was counted since the last line. */
export function reportDropped(state: SessionState, timeNs: number, out: ExchangeItem[]): void {
  report(state, state.other, timeNs, out);
  report(state, state.forgotten, timeNs, out);
}

/** Only what was never reported: one line a session while it lives, however much is dropped. */
export function reportFirstDropped(state: SessionState, timeNs: number, out: ExchangeItem[]): void {
  if (!state.other.isReported) report(state, state.other, timeNs, out);
  if (!state.forgotten.isReported) report(state, state.forgotten, timeNs, out);
}

function report(state: SessionState, dropped: Dropped, timeNs: number, out: ExchangeItem[]): void {
  if (dropped.count === 0) return;
  out.push({
    kind: "coverage",
    reason: dropped.reason,
    channel: state.first.channels[0],
    process: undefined,
    bytes: dropped.bytes,
    count: dropped.count,
    timeNs,
  } satisfies CoverageLine);
  dropped.count = 0;
  dropped.bytes = 0;
  dropped.isReported = true;
}
