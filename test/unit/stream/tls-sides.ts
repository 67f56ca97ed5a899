/** Two ends of a TLS connection, and what the kernel tells of them. */
import type { TlsEvent, TlsSocket } from "../../../src/capture/types.ts";
import { data } from "./events.ts";

export const CLIENT = { pid: 10, reads: 0x1_0002, socket: 0xa000 };
export const SERVER = { pid: 20, reads: 0x2_0002, socket: 0xb000 };
export type Side = typeof CLIENT;

export const CLIENT_END = { address: "127.0.0.1", port: 50_000 };
export const SERVER_END = { address: "127.0.0.1", port: 443 };
export const FAR_END = { address: "10.0.0.5", port: 443 };

export function socketOf(side: Side, fields: Partial<TlsSocket> = {}): TlsSocket {
  const isClient = side === CLIENT;
  return {
    own: side.socket,
    inode: isClient ? 7 : 8,
    peer: isClient ? SERVER.socket : CLIENT.socket,
    peerInode: isClient ? 8 : 7,
    peerOwner: undefined,
    isLocal: true,
    ownEnd: isClient ? CLIENT_END : SERVER_END,
    peerEnd: isClient ? SERVER_END : CLIENT_END,
    ...fields,
  };
}

export function tls(side: Side, socket?: TlsSocket, timeNs = 500): TlsEvent {
  const { pid, reads: channel } = side;
  const process = { pid, startNs: pid * 1000, comm: "" };
  return { kind: "tls", timeNs, channel, generation: 9, ...process, isHeard: true, socket };
}

export const place = (side: Side, by: number) => ({
  channel: side.reads + by,
  generation: 9,
  channelKind: "tls" as const,
  pid: side.pid,
});
export const reads = (side: Side, text: string, moved = text.length, timeNs = 1000) =>
  data(text, { ...place(side, 0), moved, timeNs });
export const writes = (side: Side, text: string, moved = text.length, timeNs = 900) =>
  data(text, { ...place(side, 1), moved, timeNs, flags: 8 });
export const tick = (timeNs: number) => ({ kind: "tick", timeNs }) as const;
