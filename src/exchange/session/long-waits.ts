/** Time in; a line for each call that waits for an answer for longer than most, once. */
import type { ExchangeItem, WaitingLine } from "../types.ts";
import { directionOf } from "./delivery.ts";
import type { SessionState, Side } from "./session-state.ts";

const LONG_NS = 10_000_000_000;
/** Calls are looked through no more often than this. */
const LOOK_NS = 1_000_000_000;
/** Is answered when its subscription ends. */
const ENDLESS = "subscriptions/listen";

export class LongWaits {
  readonly #states: () => Iterable<SessionState>;
  #nextLookNs = 0;

  /** `states` gives all sessions. */
  constructor(states: () => Iterable<SessionState>) {
    this.#states = states;
  }

  look(nowNs: number, out: ExchangeItem[]): void {
    if (nowNs < this.#nextLookNs) return;
    this.#nextLookNs = nowNs + LOOK_NS;
    for (const state of this.#states()) {
      if (state.openCalls === 0) continue;
      tell(state.first, nowNs, out);
      tell(state.second, nowNs, out);
    }
  }
}

function tell(side: Side, nowNs: number, out: ExchangeItem[]): void {
  for (const call of side.calls.all()) {
    if (call.isLong || call.cancelled || call.method === ENDLESS) continue;
    if (nowNs - call.sinceNs < LONG_NS) continue;
    call.isLong = true;
    out.push({
      kind: "waiting",
      session: side.state.session,
      direction: directionOf(side),
      request: call.message,
      method: call.method,
      target: call.target,
      progressCount: call.progressCount,
      sinceNs: call.sinceNs,
      timeNs: nowNs,
    } satisfies WaitingLine);
  }
}
