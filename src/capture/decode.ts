/** A span of ring records in, typed events out; payloads stay views into the ring. */
import { address, CommCache, cString, u64 } from "./fields.ts";
import { CHANNEL_KINDS, COMM_LEN, EVENT, IO_EVENT, PROCESS_EVENT, SOCKET_EVENT } from "./layout.ts";
import { formatAddress } from "./socket-address.ts";
import type {
  ExecEvent,
  ExitEvent,
  ForkEvent,
  IoEvent,
  KernelEvent,
  SocketEvent,
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

export class Decoder {
  readonly #view: DataView;
  readonly #bytes: Buffer;
  readonly #comms = new CommCache();

  /** `view` and `bytes`: the ring's memory, mapped twice in a row. */
  constructor(view: DataView, bytes: Uint8Array) {
    this.#view = view;
    // a payload is looked at as a Buffer by all rooms: one view of it is enough
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
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
    if (kind === EVENT.fork) return this.#decodeFork(at);
    if (kind === EVENT.exec) return this.#decodeExec(at);
    if (kind === EVENT.exit) return this.#decodeExit(at);
    return undefined;
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
    const end = (address: number, port: number) => ({
      address: formatAddress(this.#bytes.subarray(at + address, at + address + 16)),
      port: view.getUint32(at + port, true),
    });
    return {
      kind: "socket",
      timeNs: wholeMicros(u64(view, at + SOCKET_EVENT.time_ns)),
      channel: address(view, at + SOCKET_EVENT.channel),
      generation: u64(view, at + SOCKET_EVENT.generation),
      reverse: address(view, at + SOCKET_EVENT.reverse),
      reverseGeneration: u64(view, at + SOCKET_EVENT.reverse_generation),
      from: end(SOCKET_EVENT.from_address, SOCKET_EVENT.from_port),
      to: end(SOCKET_EVENT.to_address, SOCKET_EVENT.to_port),
      late: (view.getUint32(at + SOCKET_EVENT.flags, true) & 1) !== 0,
    };
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

/** Output tells µs: a time that is finer than that would make a replay's durations differ. */
function wholeMicros(ns: number): number {
  return ns - (ns % 1000);
}

/** argv as the kernel keeps it: NUL after each argument; the last may be cut. */
export function splitArguments(bytes: Buffer): string[] {
  if (bytes.length === 0) return [];
  const text = bytes.toString("utf8");
  return (text.endsWith("\0") ? text.slice(0, -1) : text).split("\0");
}
