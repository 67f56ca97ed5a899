/** Decides when a session over stdio is over, and why. */
import { type EndCause, exitOf, firstExit, isGone } from "../exits.ts";
import type { SessionState, Side } from "../session-state.ts";

/** A process that is gone may have left bytes that its peer reads later. */
export const LINGER_NS = 2_000_000_000;
/** A server that is gone may have left its first answer unread, in a channel that is not known yet. */
const FIRST_ANSWER_NS = 5_000_000_000;
/** Both channels are closed: how long to wait for the exit that says why. */
const EXIT_WAIT_NS = 500_000_000;

/** True when nothing more can be said in the session. `nowNs` Infinity: no more time to wait. */
export function isOver(state: SessionState, nowNs: number): boolean {
  const { first, second } = state;
  if (second.channels.length === 0) return isHalfOver(first, nowNs);
  if (first.openChannels === 0 && second.openChannels === 0)
    return isClosedLongEnough(state, nowNs);
  return isSilent(first, nowNs) && isSilent(second, nowNs);
}

/** Only one direction was heard: it stays while its reader may still answer. */
function isHalfOver(side: Side, nowNs: number): boolean {
  if (side.calls.open > 0 && mayBeAnswered(side, nowNs)) return false;
  if (side.openChannels === 0) return isClosedLongEnough(side.state, nowNs);
  return isSilent(side, nowNs);
}

function mayBeAnswered(side: Side, nowNs: number): boolean {
  if (!isGone(side.reader, nowNs)) return true;
  if (isGone(side.writer, nowNs)) return false;
  return nowNs - (exitOf(side.reader)?.timeNs ?? 0) < FIRST_ANSWER_NS;
}

function isClosedLongEnough(state: SessionState, nowNs: number): boolean {
  return hasExited(state, nowNs) || nowNs - state.closedNs >= EXIT_WAIT_NS;
}

function isSilent(side: Side, nowNs: number): boolean {
  if (side.openChannels === 0) return true;
  if (isGone(side.reader, nowNs) && !side.channels.some(({ heirs }) => heirs?.canRead)) return true;
  // what the dead have written is read when its reader likes, and ends with the channel
  if (side.peer.calls.open > 0 && Number.isFinite(nowNs)) return false;
  const exit = exitOf(side.writer);
  if (side.channels.some(({ heirs }) => heirs?.canWrite)) return false;
  return exit !== undefined && nowNs - Math.max(exit.timeNs, side.lastNs) >= LINGER_NS;
}

function hasExited(state: SessionState, nowNs: number): boolean {
  return isGone(state.first.party, nowNs) || isGone(state.second.party, nowNs);
}

/** The exit of the party that went first; else the direction that was closed first. */
export function endCause(state: SessionState): EndCause {
  const exit = firstExit(state.client.party, state.client.peer.party);
  return exit ?? { reason: closeReason(state), timeNs: state.closedNs };
}

function closeReason(state: SessionState): string {
  if (state.firstClosed === undefined) return "channel closed";
  return state.firstClosed === state.client ? "client closed its end" : "server closed its output";
}
