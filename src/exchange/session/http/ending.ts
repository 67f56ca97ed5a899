/** Decides when a session over HTTP is over, and why: never because a connection closed. */
import type { HttpEnd } from "../../../framing/types.ts";
import { type EndCause, exitOf, firstExit, isGone } from "../exits.ts";
import type { SessionState } from "../session-state.ts";
import type { HttpTrack } from "./http-track.ts";
import { latestClient, latestServer } from "./latest.ts";
import { isRefused } from "./status.ts";

/** A process that is gone may have left bytes that its peer reads later. */
const LINGER_NS = 2_000_000_000;
/** A session with an id outlives its client's process: a script's next curl goes on with it. */
const NEXT_CLIENT_NS = 30_000_000_000;
/** The event stream of the old transport is closed: how long to wait for the exit that says why. */
const EXIT_WAIT_NS = 500_000_000;
const NOT_FOUND = 404;

/** `nowNs` Infinity: no more time to wait. */
export function isOver(state: SessionState, nowNs: number): boolean {
  const client = latestClient(state);
  const server = latestServer(state);
  if (state.closedNs > 0) {
    const isExplained = isGone(client, nowNs) || isGone(server, nowNs);
    return isExplained || nowNs - state.closedNs >= EXIT_WAIT_NS;
  }
  const clientNs = state.session.httpSessionId === undefined ? LINGER_NS : NEXT_CLIENT_NS;
  return (
    isGoneFor(state, exitOf(client)?.timeNs, clientNs, nowNs) ||
    isGoneFor(state, exitOf(server)?.timeNs, LINGER_NS, nowNs)
  );
}

export function isClosing(state: SessionState): boolean {
  if (state.closedNs > 0) return true;
  return exitOf(latestClient(state)) !== undefined || exitOf(latestServer(state)) !== undefined;
}

export function endCause(state: SessionState): EndCause {
  const exit = firstExit(latestClient(state), latestServer(state));
  return exit ?? { reason: "event stream closed", timeNs: state.closedNs };
}

/** Why the exchange was its session's last; undefined: it was not. */
export function lastWord({ exchange, timeNs }: HttpEnd, track: HttpTrack): EndCause | undefined {
  const { request, response } = exchange;
  const status = response?.status;
  if (request === undefined || status === undefined) return undefined;
  if (request.method === "DELETE" && !isRefused(exchange)) {
    return { reason: "client deleted the session", timeNs };
  }
  // many a server has no GET at all
  const isPost = request.method === "POST";
  if (status === NOT_FOUND && isPost && request.fields.sessionId !== undefined) {
    return { reason: "server does not know the session (404)", timeNs };
  }
  if (track.isInitialize && isRefused(exchange)) {
    return { reason: `server refused the session (${status})`, timeNs };
  }
  return undefined;
}

function isGoneFor(
  state: SessionState,
  exitNs: number | undefined,
  lingerNs: number,
  nowNs: number,
): boolean {
  return exitNs !== undefined && nowNs - Math.max(exitNs, state.lastNs) >= lingerNs;
}
