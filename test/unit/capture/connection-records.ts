/** Ring records of connections and files, in the order of bpf/event.h, with none of the offsets that src/ knows. */
import { RecordBytes, type Word } from "./records.ts";

export interface ConnectionFields {
  readonly kind: number;
  readonly what: number;
  readonly timeNs?: Word;
  readonly socket?: Word;
  readonly startNs?: Word;
  readonly establishedNs?: Word;
  readonly ownerStartNs?: Word;
  readonly sent?: Word;
  readonly received?: Word;
  readonly inode?: Word;
  readonly peerSocket?: Word;
  readonly tgid?: number;
  readonly peerTgid?: number;
  readonly flags?: number;
  readonly error?: number;
  readonly state?: number;
  readonly previous?: number;
  readonly netns?: number;
  readonly ownPort?: number;
  readonly peerPort?: number;
  readonly family: number;
  readonly type: number;
  readonly protocol: number;
  readonly ownAddress?: Uint8Array;
  readonly peerAddress?: Uint8Array;
  readonly comm?: string;
  readonly path?: string;
}

const NO_CONNECTION = {
  timeNs: 0,
  socket: 0,
  startNs: 0,
  establishedNs: 0,
  ownerStartNs: 0,
  sent: 0,
  received: 0,
  inode: 0,
  peerSocket: 0,
  tgid: 0,
  peerTgid: 0,
  flags: 0,
  error: 0,
  state: 0,
  previous: 0,
  netns: 0,
  ownPort: 0,
  peerPort: 0,
  ownAddress: new Uint8Array(16),
  peerAddress: new Uint8Array(16),
  comm: "",
  path: "",
} as const;

/** struct connection_event. */
export function connectionRecord(fields: ConnectionFields): Buffer {
  const event = { ...NO_CONNECTION, ...fields };
  const path = Buffer.from(event.path);
  return new RecordBytes()
    .u32(event.kind, event.what)
    .u64(event.timeNs, event.socket, event.startNs, event.establishedNs, event.ownerStartNs)
    .u64(event.sent, event.received, event.inode, event.peerSocket)
    .u32(event.tgid, event.peerTgid, event.flags, event.error)
    .u32(event.state, event.previous, event.netns, event.ownPort, event.peerPort)
    .u16(event.family, event.type, event.protocol, path.length)
    .u32(0)
    .text(event.ownAddress, 16)
    .text(event.peerAddress, 16)
    .text(event.comm, 16)
    .text(path, 108)
    .u32(0)
    .bytes();
}

/** struct payload_event. */
export function payloadRecord(kind: number, startNs: Word, payload: Uint8Array): Buffer {
  return new RecordBytes()
    .u32(kind, payload.length)
    .u64(5_000, 0xffff_8881_0123_4560n, startNs)
    .text(payload, 2048)
    .bytes();
}

export interface PlaceFields {
  /** The innermost first. */
  readonly directories: readonly string[];
  readonly name: string;
}

const NO_PLACE: PlaceFields = { directories: [], name: "" };

/** struct file_change_event. */
export function fileChangeRecord(
  change: number,
  place: PlaceFields,
  to: PlaceFields = NO_PLACE,
): Buffer {
  const record = new RecordBytes().u32(17, change).u64(9_000_500, 8_000_007).u32(21, 0);
  record.text("git", 16);
  for (const { directories, name } of [place, to]) {
    const inner = Buffer.from(directories.map((directory) => `${directory}\0`).join(""));
    const called = Buffer.from(name);
    record.u16(inner.length, called.length).u32(0).text(inner, 1024).text(called, 512);
  }
  return record.bytes();
}
