/** Ends the calls of processes that are gone, in sessions that go on without them: a supervisor starts its server again. */
import type { Process } from "../../../capture/types.ts";
import { isProcess } from "../../../party.ts";
import type { ExchangeItem, Session } from "../../types.ts";
import { unansweredCall } from "../delivery.ts";
import { exitCause, exitOf, isGone } from "../exits.ts";
import type { SessionState, Side } from "../session-state.ts";
import { LINGER_NS } from "./ending.ts";

/** A process of the session has ended. */
export function noteDeath(state: SessionState, process: Process): void {
  if (state.openCalls > 0) state.dead.push(process);
}

/**
 * To be asked when somebody is new to the session, and as time passes. `nowNs` Infinity: no more time to wait; undefined: who
 * is new may be the successor, nobody else's time is up.
 */
export function endCallsOfDead(
  state: SessionState,
  nowNs: number | undefined,
  out: ExchangeItem[],
): void {
  if (state.dead.length === 0) return;
  state.dead = state.dead.filter((dead) => {
    const waiting = [state.first, state.second].filter((side) => !endCalls(side, dead, nowNs, out));
    return waiting.length > 0;
  });
}

/** False when they may still be answered. */
function endCalls(
  side: Side,
  dead: Process,
  nowNs: number | undefined,
  out: ExchangeItem[],
): boolean {
  const isUp = isSucceeded(side, dead) || (nowNs !== undefined && isOrphaned(side, dead, nowNs));
  if (side.calls.size > 0 && !isUp) return false;
  const session = sessionWith(side, dead);
  for (const call of [...side.calls.all()]) {
    if (call.message.frame.reader !== dead) continue;
    side.calls.remove(call);
    out.push({ ...unansweredCall(side, call, exitOf(dead)?.timeNs ?? side.lastNs), session });
  }
  return true;
}

/** As it was for what was asked in this direction: with the one that is gone, whose end was theirs. */
function sessionWith({ state, peer }: Side, dead: Process): Session {
  const role = peer === state.client ? "client" : "server";
  return { ...state.session, [role]: dead, endReason: exitCause(role, dead)?.reason };
}

/** Another process reads the requests now, and answers them: those that it has read. */
function isSucceeded({ reader, peer }: Side, dead: Process): boolean {
  return reader !== dead && isProcess(reader) && reader === peer.writer;
}

/** What it has written may still lie in the channel; and another one may answer what it had read. */
function isOrphaned({ peer }: Side, dead: Process, nowNs: number): boolean {
  const { writer } = peer;
  if (writer !== undefined && writer !== dead && !isGone(writer, nowNs)) return false;
  return nowNs - Math.max(exitOf(dead)?.timeNs ?? 0, peer.lastNs) >= LINGER_NS;
}
