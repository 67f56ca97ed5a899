/** Keeps the calls that wait for an answer within their bounds; the oldest are given up first. */
import type { Call } from "../call/call.ts";
import type { ExchangeItem } from "../types.ts";
import { unansweredCall } from "./delivery.ts";
import { countForgotten, reportFirstDropped } from "./dropped.ts";
import type { SessionState, Side } from "./session-state.ts";

/** When the total is too large, this much of it is freed at once: finding the largest session costs. */
const FREED_SHARE = 1 / 8;

export class WaitingLimits {
  readonly #maxCalls: number;
  readonly #maxBytes: number;
  #bytes = 0;

  /** Calls of one session, and bytes held for all. */
  constructor(maxCalls: number, maxBytes: number) {
    this.#maxCalls = maxCalls;
    this.#maxBytes = maxBytes;
  }

  /** A session holds `bytes` more (or less) than before. */
  change(bytes: number): void {
    this.#bytes += bytes;
  }

  /** To be asked after each message; `states` gives all sessions. */
  enforce(
    state: SessionState,
    states: () => Iterable<SessionState>,
    timeNs: number,
    out: ExchangeItem[],
  ): void {
    while (state.waitingCalls > this.#maxCalls) this.#giveUp(state, timeNs, out);
    if (this.#bytes <= this.#maxBytes) return;
    const enough = this.#maxBytes * (1 - FREED_SHARE);
    while (this.#bytes > enough) {
      const largest = largestOf(states());
      if (largest === undefined) return;
      const half = largest.waitingBytes / 2;
      while (this.#bytes > enough && largest.waitingBytes > half) {
        this.#giveUp(largest, timeNs, out);
      }
    }
  }

  #giveUp(state: SessionState, timeNs: number, out: ExchangeItem[]): void {
    const { first, second } = state;
    const side = first.calls.heldBytes >= second.calls.heldBytes ? first : second;
    const call = side.calls.takeOldest();
    if (call === undefined) return;
    this.#bytes -= call.heldBytes;
    reportGivenUp(side, call, timeNs, out);
  }
}

function reportGivenUp(side: Side, call: Call, timeNs: number, out: ExchangeItem[]): void {
  // a cancelled call is not expected to be answered: it ends here
  if (call.cancelled) {
    out.push(unansweredCall(side, call, timeNs));
    return;
  }
  countForgotten(side.state, call);
  reportFirstDropped(side.state, timeNs, out);
}

function largestOf(states: Iterable<SessionState>): SessionState | undefined {
  let largest: SessionState | undefined;
  let bytes = 0;
  for (const state of states) {
    if (state.waitingBytes <= bytes) continue;
    largest = state;
    bytes = state.waitingBytes;
  }
  return largest;
}
