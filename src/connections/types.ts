/** Connections of processes in, attempts with what became of them out. docs/connections.md */
import type { Endpoint, Process } from "../capture/types.ts";

export type Protocol = "tcp" | "udp" | "unix";

/**
 * What became of an attempt. Those that failed: "refused" (ECONNREFUSED), "timed_out" (ETIMEDOUT), "unreachable"
 * (ENETUNREACH, EHOSTUNREACH and their like), "abandoned" (given up by the process before there was an outcome), "failed"
 * (every other errno). "in_progress": not known yet. "established", then "closed" or "reset" at its end. One that was
 * established may end with one of the others, too: `latencyMs` or `establishedNs` tells it apart.
 */
export type Outcome =
  | "in_progress"
  | "established"
  | "closed"
  | "reset"
  | "refused"
  | "timed_out"
  | "unreachable"
  | "abandoned"
  | "failed";

/** A name that an address was known by, and how. */
export interface HostName {
  readonly name: string;
  /** "dns": an answer that any process of this host got; "sni", "http": said on this very connection. */
  readonly source: "dns" | "sni" | "http";
  /** When it was seen, CLOCK_BOOTTIME ns. */
  readonly timeNs: number;
}

/** One attempt to connect, a connection that was accepted, or a destination of a UDP socket. An effect's is live: it changes
 * as more is known. */
export interface Connection {
  /** Unique in a run; "c:17". */
  readonly id: string;
  /** Who called connect(), accept() or sendto(); undefined: accepted by nobody, or not known. */
  process: Process | undefined;
  /** UDP: by whose datagram came first. */
  readonly direction: "outgoing" | "accepted";
  readonly protocol: Protocol;
  /** As the socket itself says. */
  readonly family: "inet" | "inet6" | "unix";
  readonly socketType: "stream" | "dgram" | "seqpacket";
  /** undefined for Unix, and where the socket was never bound. */
  local: Endpoint | undefined;
  remote: Endpoint | undefined;
  /** Unix: the path; an abstract one begins with "@". undefined where the socket has no name. */
  readonly path: string | undefined;
  /** The process at the other end, when it is of this host and known. */
  peer: Process | undefined;
  /** CLOCK_BOOTTIME ns; of one that was open before the tool listened: when it was found. */
  readonly startNs: number;
  /** It was open before the tool listened: no latency; bytes of TCP since the start of the socket all the same. */
  readonly openBefore: boolean;
  outcome: Outcome;
  /** "ECONNREFUSED"; undefined: none. */
  errno: string | undefined;
  /** When the attempt succeeded; undefined: it did not, or that was not seen. */
  establishedNs: number | undefined;
  /** TCP: SYN to ESTABLISHED, ms. undefined: not known; Unix and UDP have no handshake. */
  latencyMs: number | undefined;
  endNs: number | undefined;
  /** Payload bytes; of Unix and UDP as far as calls told of them. */
  sentBytes: number;
  receivedBytes: number;
  /** TCP: who sent the first FIN, or the RST. Unix: "remote" when a read saw the end first. */
  closedBy: "local" | "remote" | undefined;
  /** The latest last; few. */
  readonly names: HostName[];
}

/**
 * "start": it was established, or accepted. "end": it is over, or the attempt came to nothing. "open": it was open when the tool
 * began to listen (`openBefore`), or is when the run ends. `connection` is a copy of its time; the same one has the same id.
 */
export interface ConnectionLine {
  readonly kind: "connection";
  readonly event: "start" | "end" | "open";
  readonly connection: Connection;
  readonly timeNs: number;
}
