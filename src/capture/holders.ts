/** The scan's output (bpf/scan.bpf.c): who holds which end of which channel at this moment. */
import { address, cString, u64 } from "./fields.ts";
import { CHANNEL_KINDS, COMM_LEN, HOLDER_EVENT } from "./layout.ts";
import type { ChannelKind } from "./types.ts";

export interface Holder {
  /** Pipe, or the socket itself: the channel that this end reads from. */
  readonly channel: number;
  readonly generation: number;
  /** Sockets: the channel that this end writes to; 0: not connected. */
  readonly peer: number;
  readonly kind: ChannelKind;
  readonly pid: number;
  readonly startNs: number;
  readonly comm: string;
  readonly fd: number;
  readonly mayRead: boolean;
  readonly mayWrite: boolean;
  /** Bytes that lie in the channel, unread. */
  readonly buffered: number;
  /** TCP: the next sequence numbers of what it sends and of what it receives. */
  readonly sendNext: number;
  readonly receiveNext: number;
}

/** More than a process can have (fs.nr_open is 2^30 at most), so that pid and descriptor make one number. */
const DESCRIPTORS = 2 ** 31;

/** Each descriptor once: a process whose first thread has ended is shown by each of the others. */
export function decodeHolders(bytes: Uint8Array): Holder[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const holders: Holder[] = [];
  const seen = new Map<number, number>();
  for (let at = 0; at + HOLDER_EVENT.size <= bytes.length; at += HOLDER_EVENT.size) {
    const pid = view.getUint32(at + HOLDER_EVENT.tgid, true);
    const fd = view.getUint32(at + HOLDER_EVENT.fd, true);
    const channel = address(view, at + HOLDER_EVENT.channel);
    const descriptor = pid * DESCRIPTORS + fd;
    // a thread with a table of its own has other channels under the same numbers
    if (seen.get(descriptor) === channel) continue;
    seen.set(descriptor, channel);
    const mode = view.getUint32(at + HOLDER_EVENT.mode, true);
    holders.push({
      channel,
      generation: u64(view, at + HOLDER_EVENT.generation),
      peer: address(view, at + HOLDER_EVENT.peer),
      kind: CHANNEL_KINDS[view.getUint32(at + HOLDER_EVENT.channel_kind, true)] ?? "pipe",
      pid,
      startNs: u64(view, at + HOLDER_EVENT.start_ns),
      comm: cString(view, at + HOLDER_EVENT.comm, COMM_LEN),
      fd,
      mayRead: (mode & 1) !== 0,
      mayWrite: (mode & 2) !== 0,
      buffered: view.getUint32(at + HOLDER_EVENT.buffered, true),
      sendNext: view.getUint32(at + HOLDER_EVENT.snd_nxt, true),
      receiveNext: view.getUint32(at + HOLDER_EVENT.rcv_nxt, true),
    });
  }
  return holders;
}
