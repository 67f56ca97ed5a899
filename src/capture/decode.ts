/** A span of ring records in, typed events out; payloads stay views into the ring. */

import { ConnectionDecoder } from "./connections/decode-connection.ts";
import { address, CommCache, cString, u64, wholeMicros } from "./fields.ts";
import { decodeFileChange } from "./files/decode-file-change.ts";
import {
  CHANNEL_KINDS,
  COMM_LEN,
  EVENT,
  IO_EVENT,
  MAPPED_EVENT,
  PROCESS_EVENT,
  SOCKET_EVENT,
  TLS_EVENT,
  TLS_FLAG,
} from "./layout.ts";
import { readEndpoint } from "./socket-address.ts";
import { decodeStreams } from "./standard-streams.ts";
import type { MappedEvent, TlsUserEvent } from "./tls/types.ts";
import type {
  Endpoint,
  ExecEvent,
  ExitEvent,
  ForkEvent,
  IoEvent,
  KernelEvent,
  SocketEvent,
  TlsEvent,
  TlsSocket,
} from "./types.ts";

const RECORD_HEADER = 8;
const LENGTH_MASK = 0x3fffffff;
const DISCARDED = 0x40000000;
const NOTHING = Buffer.alloc(0);

const IO_KINDS: Readonly<Record<number, IoEvent["kind"]>> = {
  [EVENT.data]: "data",
  [EVENT.note]: "note",
  [EVENT.eof]: "eof",
  [EVENT.close]: "close",
  [EVENT.unseen]: "unseen",
  [EVENT.opaque]: "opaque",
  [EVENT.broken]: "broken",
  [EVENT.uring]: "uring",
};

const TLS_USER_KINDS: Readonly<Record<number, TlsUserEvent["kind"]>> = {
  [EVENT.tls_seen]: "tls-seen",
  [EVENT.tls_unheard]: "tls-unheard",
  [EVENT.tls_strange]: "tls-strange",
};

export class Decoder {
  readonly #view: DataView;
  readonly #bytes: Buffer;
  readonly #comms = new CommCache();
  readonly #connections: ConnectionDecoder;

  /** `view` and `bytes`: the ring's memory, its beginning once more behind its end. */
  constructor(view: DataView, bytes: Uint8Array) {
    this.#view = view;
    // a payload is looked at as a Buffer by all rooms: one view of it is enough
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#connections = new ConnectionDecoder(view, this.#bytes, this.#comms);
  }

  /** Calls `visit` with each record of the span; a record of an unknown kind is skipped. Returns how many there were. */
  decode(start: number, length: number, visit: (event: KernelEvent) => void): number {
    const end = start + length;
    let at = start;
    let count = 0;
    while (at < end) {
      const header = this.#view.getUint32(at, true);
      const size = header & LENGTH_MASK;
      if ((header & DISCARDED) === 0) {
        const event = this.#decodeOne(at + RECORD_HEADER);
        if (event) visit(event);
      }
      at += RECORD_HEADER + Math.ceil(size / 8) * 8;
      count += 1;
    }
    return count;
  }

  #decodeOne(at: number): KernelEvent | undefined {
    const kind = this.#view.getUint32(at, true);
    const io = IO_KINDS[kind];
    if (io !== undefined) return this.#decodeIo(io, at);
    if (kind === EVENT.socket) return this.#decodeSocket(at);
    if (kind === EVENT.tls) return this.#decodeTls(at);
    if (kind === EVENT.fork) return this.#decodeFork(at);
    if (kind === EVENT.exec) return this.#decodeExec(at);
    if (kind === EVENT.exit) return this.#decodeExit(at);
    if (kind === EVENT.mapped) return this.#decodeMapped(at);
    if (kind === EVENT.connection) return this.#connections.connection(at);
    if (kind === EVENT.greeting) return this.#connections.payload("greeting", at);
    if (kind === EVENT.file_change)
      return decodeFileChange(this.#view, this.#bytes, at, this.#comms);
    if (kind === EVENT.dns) return this.#connections.payload("dns", at);
    const user = TLS_USER_KINDS[kind];
    return user === undefined ? undefined : this.#decodeTlsUser(user, at);
  }

  #decodeIo(kind: IoEvent["kind"], at: number): IoEvent {
    const view = this.#view;
    const pid = view.getUint32(at + IO_EVENT.tgid, true);
    const capLen = view.getUint32(at + IO_EVENT.cap_len, true);
    const payload = at + IO_EVENT.size;
    return {
      kind,
      flags: view.getUint32(at + IO_EVENT.flags, true),
      channel: address(view, at + IO_EVENT.channel),
      generation: u64(view, at + IO_EVENT.generation),
      timeNs: wholeMicros(u64(view, at + IO_EVENT.time_ns)),
      moved: u64(view, at + IO_EVENT.moved),
      lost: u64(view, at + IO_EVENT.lost),
      skipped: u64(view, at + IO_EVENT.skipped),
      startNs: u64(view, at + IO_EVENT.start_ns),
      peer: address(view, at + IO_EVENT.peer),
      peerGeneration: view.getUint32(at + IO_EVENT.peer_generation, true),
      len:
        kind === "eof" || kind === "close"
          ? view.getInt32(at + IO_EVENT.len, true)
          : view.getUint32(at + IO_EVENT.len, true),
      pid,
      channelKind: CHANNEL_KINDS[view.getUint32(at + IO_EVENT.channel_kind, true)] ?? "pipe",
      comm: this.#comms.read(view, at + IO_EVENT.comm, pid),
      payload: capLen > 0 ? this.#bytes.subarray(payload, payload + capLen) : NOTHING,
    };
  }

  #decodeSocket(at: number): SocketEvent {
    const view = this.#view;
    return {
      kind: "socket",
      timeNs: wholeMicros(u64(view, at + SOCKET_EVENT.time_ns)),
      channel: address(view, at + SOCKET_EVENT.channel),
      generation: u64(view, at + SOCKET_EVENT.generation),
      reverse: address(view, at + SOCKET_EVENT.reverse),
      reverseGeneration: u64(view, at + SOCKET_EVENT.reverse_generation),
      from: this.#end(at + SOCKET_EVENT.from_address, at + SOCKET_EVENT.from_port),
      to: this.#end(at + SOCKET_EVENT.to_address, at + SOCKET_EVENT.to_port),
      late: (view.getUint32(at + SOCKET_EVENT.flags, true) & 1) !== 0,
    };
  }

  #end(address: number, port: number): Endpoint {
    return readEndpoint(this.#view, this.#bytes, address, port);
  }

  #decodeTls(at: number): TlsEvent {
    const view = this.#view;
    const pid = view.getUint32(at + TLS_EVENT.tgid, true);
    return {
      kind: "tls",
      timeNs: wholeMicros(u64(view, at + TLS_EVENT.time_ns)),
      channel: address(view, at + TLS_EVENT.channel),
      generation: u64(view, at + TLS_EVENT.generation),
      pid,
      startNs: u64(view, at + TLS_EVENT.start_ns),
      comm: this.#comms.read(view, at + TLS_EVENT.comm, pid),
      isHeard: (view.getUint32(at + TLS_EVENT.flags, true) & TLS_FLAG.unheard) === 0,
      socket: this.#decodeTlsSocket(at),
    };
  }

  #decodeTlsSocket(at: number): TlsSocket | undefined {
    const view = this.#view;
    const own = address(view, at + TLS_EVENT.socket);
    if (own === 0) return undefined;
    return {
      own,
      inode: view.getUint32(at + TLS_EVENT.inode, true),
      peer: address(view, at + TLS_EVENT.peer) || undefined,
      peerInode: u64(view, at + TLS_EVENT.peer_inode),
      peerOwner: this.#ownerOfPeer(at),
      isLocal: (view.getUint32(at + TLS_EVENT.flags, true) & TLS_FLAG.local) !== 0,
      ownEnd: this.#end(at + TLS_EVENT.own_address, at + TLS_EVENT.own_port),
      peerEnd: this.#end(at + TLS_EVENT.peer_address, at + TLS_EVENT.peer_port),
    };
  }

  #ownerOfPeer(at: number): TlsSocket["peerOwner"] {
    const pid = this.#view.getUint32(at + TLS_EVENT.peer_tgid, true);
    if (pid === 0) return undefined;
    return { pid, startNs: u64(this.#view, at + TLS_EVENT.peer_start_ns) };
  }

  #decodeFork(at: number): ForkEvent {
    const view = this.#view;
    return {
      kind: "fork",
      pid: view.getUint32(at + PROCESS_EVENT.tgid, true),
      parentPid: view.getUint32(at + PROCESS_EVENT.parent_tgid, true),
      timeNs: wholeMicros(u64(view, at + PROCESS_EVENT.time_ns)),
      startNs: u64(view, at + PROCESS_EVENT.start_ns),
      cgroupId: view.getBigUint64(at + PROCESS_EVENT.cgroup_id, true),
    };
  }

  #decodeExec(at: number): ExecEvent {
    const view = this.#view;
    const length = view.getUint32(at + PROCESS_EVENT.command_line_len, true);
    const from = at + PROCESS_EVENT.command_line;
    return {
      kind: "exec",
      pid: view.getUint32(at + PROCESS_EVENT.tgid, true),
      timeNs: wholeMicros(u64(view, at + PROCESS_EVENT.time_ns)),
      startNs: u64(view, at + PROCESS_EVENT.start_ns),
      cgroupId: view.getBigUint64(at + PROCESS_EVENT.cgroup_id, true),
      comm: cString(view, at + PROCESS_EVENT.comm, COMM_LEN),
      commandLine: splitArguments(this.#bytes.subarray(from, from + length)),
      streams: decodeStreams(view, at + PROCESS_EVENT.streams),
    };
  }

  #decodeMapped(at: number): MappedEvent {
    const view = this.#view;
    return {
      kind: "mapped",
      pid: view.getUint32(at + MAPPED_EVENT.tgid, true),
      timeNs: wholeMicros(u64(view, at + MAPPED_EVENT.time_ns)),
      file: Uint8Array.from(this.#bytes.subarray(at + MAPPED_EVENT.file, at + MAPPED_EVENT.size)),
    };
  }

  #decodeTlsUser(kind: TlsUserEvent["kind"], at: number): TlsUserEvent {
    const view = this.#view;
    return {
      kind,
      pid: view.getUint32(at + PROCESS_EVENT.tgid, true),
      timeNs: wholeMicros(u64(view, at + PROCESS_EVENT.time_ns)),
      startNs: u64(view, at + PROCESS_EVENT.start_ns),
      comm: cString(view, at + PROCESS_EVENT.comm, COMM_LEN),
    };
  }

  #decodeExit(at: number): ExitEvent {
    const view = this.#view;
    return {
      kind: "exit",
      pid: view.getUint32(at + PROCESS_EVENT.tgid, true),
      timeNs: wholeMicros(u64(view, at + PROCESS_EVENT.time_ns)),
      startNs: u64(view, at + PROCESS_EVENT.start_ns),
      status: view.getUint32(at + PROCESS_EVENT.exit_code, true),
    };
  }
}

/** argv as the kernel keeps it: NUL after each argument; the last may be cut. */
export function splitArguments(bytes: Buffer): string[] {
  if (bytes.length === 0) return [];
  const text = bytes.toString("utf8");
  return (text.endsWith("\0") ? text.slice(0, -1) : text).split("\0");
}
