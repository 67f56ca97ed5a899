/** What the kernel says of a connection in, its outcome in words out. */
import type { ConnectionEvent } from "../capture/types.ts";
import type { Connection, Outcome } from "./types.ts";

const REFUSED = new Set(["ECONNREFUSED"]);
const UNREACHABLE = new Set(["ENETUNREACH", "EHOSTUNREACH", "ENETDOWN", "EHOSTDOWN"]);

/** include/net/tcp_states.h */
const TCP_ESTABLISHED = 1;
const TCP_CLOSE_WAIT = 8;

/** Of an attempt that came to nothing. */
export function failureOf(errno: string | undefined): Outcome {
  if (errno === undefined) return "abandoned";
  if (REFUSED.has(errno)) return "refused";
  if (errno === "ETIMEDOUT") return "timed_out";
  return UNREACHABLE.has(errno) ? "unreachable" : "failed";
}

/** Of a TCP connection that is over. */
export function endOf(event: ConnectionEvent): Outcome {
  const { errno, isReset, previous } = event;
  if (isReset || errno === "ECONNRESET" || errno === "EPIPE") return "reset";
  if (errno !== undefined) return failureOf(errno);
  // closed without a FIN of this end: it sent an RST, for linger 0, or since data lay unread
  return previous === TCP_ESTABLISHED || previous === TCP_CLOSE_WAIT ? "reset" : "closed";
}

/** Whose FIN came first; where there was none, who sent the RST. */
export function closerOf(event: ConnectionEvent): Connection["closedBy"] {
  if (event.finSent) return "local";
  if (event.finReceived || event.isReset) return "remote";
  if (event.errno === undefined) return "local";
  return event.errno === "ECONNRESET" || event.errno === "EPIPE" ? "remote" : undefined;
}
