/** What the kernel says first of a connection in, the entry that stands for it out. */
import type { ConnectionEvent, Endpoint } from "../capture/types.ts";
import type { Connection } from "./types.ts";

export interface Entry {
  /** Live. */
  readonly connection: Connection;
  readonly key: string | number;
  readonly socket: number;
  readonly startNs: number;
  /** UDP. */
  readonly destination: Endpoint | undefined;
  /** Of the socket; 0: not known. */
  inode: number;
  /** TCP: both ends as text. */
  pair: string | undefined;
  /** Its first line is told. */
  isTold: boolean;
  /** Its last line is told; what the kernel knows of it stays. */
  isOver: boolean;
}

/** A socket has one connection at a time; a UDP socket, one for each destination. */
export function keyOf({ socket, protocol, remote }: ConnectionEvent): string | number {
  return protocol === "udp" ? `${socket} ${remote.address} ${remote.port}` : socket;
}

/** include/net/tcp_states.h */
const TCP_SYN_SENT = 2;

/** Found open: a connection, not only an attempt. */
export function isFound(event: ConnectionEvent): boolean {
  return event.protocol !== "tcp" || event.state !== TCP_SYN_SENT;
}

/** `wasListening`: a socket that was there before listens at its own port. */
export function newEntry(id: string, event: ConnectionEvent, wasListening: boolean): Entry {
  const { protocol, family, socketType, startNs, path, isBefore, remote, socket, inode } = event;
  const isAccepted = event.isAccepted || (isBefore && protocol === "tcp" && wasListening);
  const connection: Connection = {
    id,
    process: undefined,
    direction: isAccepted ? "accepted" : "outgoing",
    protocol,
    family,
    socketType,
    local: undefined,
    remote: protocol === "unix" ? undefined : remote,
    path: path === "" ? undefined : path,
    peer: undefined,
    startNs,
    openBefore: isBefore,
    outcome: "in_progress",
    errno: undefined,
    establishedNs: undefined,
    latencyMs: undefined,
    endNs: undefined,
    sentBytes: 0,
    receivedBytes: 0,
    closedBy: undefined,
    names: [],
  };
  return {
    connection,
    key: keyOf(event),
    socket,
    startNs,
    destination: protocol === "udp" ? remote : undefined,
    inode,
    pair: undefined,
    isTold: false,
    isOver: false,
  };
}

/** Loopback is another one in each namespace; other addresses are not. */
export function pairOf(
  netns: number,
  from: Endpoint | undefined,
  to: Endpoint | undefined,
): string | undefined {
  if (from === undefined || to === undefined) return undefined;
  const isLoopback = from.address.startsWith("127.") || from.address === "::1";
  const place = isLoopback ? `${netns} ` : "";
  return `${place}${from.address} ${from.port} ${to.address} ${to.port}`;
}
