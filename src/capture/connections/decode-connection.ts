/** Records of bpf/connections.bpf.c in, typed events out. */
import { errnoName } from "../../../ffi/errors.ts";
import { formatAddress } from "../../ip-address.ts";
import { address, type CommCache, u64, wholeMicros } from "../fields.ts";
import { CONNECTION_EVENT, CONNECTION_FLAG, CONNECTION_WHAT, PAYLOAD_EVENT } from "../layout.ts";
import type { ConnectionEvent, PayloadEvent } from "../types.ts";

const WHAT: Readonly<Record<number, ConnectionEvent["what"]>> = {
  [CONNECTION_WHAT.attempt]: "attempt",
  [CONNECTION_WHAT.outcome]: "outcome",
  [CONNECTION_WHAT.end]: "end",
  [CONNECTION_WHAT.found]: "found",
  [CONNECTION_WHAT.gone]: "gone",
};

/** As the kernel numbers them (include/linux/socket.h, net.h). */
const FAMILIES: Readonly<Record<number, ConnectionEvent["family"]>> = {
  1: "unix",
  2: "inet",
  10: "inet6",
};
const TYPES: Readonly<Record<number, ConnectionEvent["socketType"]>> = {
  1: "stream",
  2: "dgram",
  5: "seqpacket",
};
const IPPROTO_UDP = 17;
const PATH_BYTES = 108;
const MAX_ADDRESSES = 4096;

export class ConnectionDecoder {
  readonly #view: DataView;
  readonly #bytes: Buffer;
  readonly #comms: CommCache;
  /** By their last 8 bytes. */
  readonly #addresses = new Map<bigint, { readonly high: bigint; readonly text: string }>();

  /** Two views of the same memory. */
  constructor(view: DataView, bytes: Buffer, comms: CommCache) {
    this.#view = view;
    this.#bytes = bytes;
    this.#comms = comms;
  }

  /** undefined: of a kind that this version does not know. */
  connection(at: number): ConnectionEvent | undefined {
    const view = this.#view;
    const what = WHAT[view.getUint32(at + CONNECTION_EVENT.what, true)];
    const family = FAMILIES[view.getUint16(at + CONNECTION_EVENT.family, true)];
    const socketType = TYPES[view.getUint16(at + CONNECTION_EVENT.type, true)];
    if (what === undefined || family === undefined || socketType === undefined) return undefined;
    const flags = view.getUint32(at + CONNECTION_EVENT.flags, true);
    const error = view.getUint32(at + CONNECTION_EVENT.error, true);
    const pid = view.getUint32(at + CONNECTION_EVENT.tgid, true);
    const isUdp = view.getUint16(at + CONNECTION_EVENT.protocol, true) === IPPROTO_UDP;
    return {
      kind: "connection",
      what,
      timeNs: wholeMicros(u64(view, at + CONNECTION_EVENT.time_ns)),
      socket: address(view, at + CONNECTION_EVENT.socket),
      startNs: wholeMicros(u64(view, at + CONNECTION_EVENT.start_ns)),
      establishedNs: wholeMicros(u64(view, at + CONNECTION_EVENT.established_ns)) || undefined,
      pid,
      ownerStartNs: u64(view, at + CONNECTION_EVENT.owner_start_ns),
      comm: pid === 0 ? "" : this.#comms.read(view, at + CONNECTION_EVENT.comm, pid),
      sent: u64(view, at + CONNECTION_EVENT.sent),
      received: u64(view, at + CONNECTION_EVENT.received),
      inode: u64(view, at + CONNECTION_EVENT.inode),
      peerSocket: address(view, at + CONNECTION_EVENT.peer_socket),
      peerPid: view.getUint32(at + CONNECTION_EVENT.peer_tgid, true),
      isAccepted: (flags & CONNECTION_FLAG.accepted) !== 0,
      isBefore: (flags & CONNECTION_FLAG.before) !== 0,
      finSent: (flags & CONNECTION_FLAG.fin_sent) !== 0,
      finReceived: (flags & CONNECTION_FLAG.fin_received) !== 0,
      isReset: (flags & CONNECTION_FLAG.reset) !== 0,
      isFailed: (flags & CONNECTION_FLAG.failed) !== 0,
      listens: (flags & CONNECTION_FLAG.listens) !== 0,
      errno: error === 0 ? undefined : errnoName(error),
      state: view.getUint32(at + CONNECTION_EVENT.state, true),
      previous: view.getUint32(at + CONNECTION_EVENT.previous, true),
      netns: view.getUint32(at + CONNECTION_EVENT.netns, true),
      family,
      socketType,
      protocol: family === "unix" ? "unix" : isUdp ? "udp" : "tcp",
      local: {
        address: this.#address(at + CONNECTION_EVENT.own_address),
        port: view.getUint32(at + CONNECTION_EVENT.own_port, true),
      },
      remote: {
        address: this.#address(at + CONNECTION_EVENT.peer_address),
        port: view.getUint32(at + CONNECTION_EVENT.peer_port, true),
      },
      path: this.#path(
        at + CONNECTION_EVENT.path,
        view.getUint16(at + CONNECTION_EVENT.path_len, true),
      ),
    };
  }

  /** The same few come again and again. */
  #address(at: number): string {
    const view = this.#view;
    const high = view.getBigUint64(at, true);
    const low = view.getBigUint64(at + 8, true);
    const known = this.#addresses.get(low);
    if (known?.high === high) return known.text;
    const text = formatAddress(this.#bytes.subarray(at, at + 16));
    if (this.#addresses.size >= MAX_ADDRESSES) this.#addresses.clear();
    this.#addresses.set(low, { high, text });
    return text;
  }

  payload(kind: PayloadEvent["kind"], at: number): PayloadEvent {
    const length = this.#view.getUint32(at + PAYLOAD_EVENT.len, true);
    const from = at + PAYLOAD_EVENT.bytes;
    return {
      kind,
      timeNs: wholeMicros(u64(this.#view, at + PAYLOAD_EVENT.time_ns)),
      socket: address(this.#view, at + PAYLOAD_EVENT.socket),
      startNs: wholeMicros(u64(this.#view, at + PAYLOAD_EVENT.start_ns)),
      payload: this.#bytes.subarray(from, from + length),
    };
  }

  /** A path ends with its first NUL; an abstract name begins with one, and may hold others. */
  #path(at: number, length: number): string {
    if (length === 0) return "";
    const bytes = this.#bytes.subarray(at, at + Math.min(length, PATH_BYTES));
    if (bytes[0] === 0)
      return length === 1 ? "" : `@${bytes.toString("utf8", 1).replaceAll("\0", "@")}`;
    const end = bytes.indexOf(0);
    return bytes.toString("utf8", 0, end < 0 ? bytes.length : end);
  }
}
