/** Builds ring records field by field, in the order of bpf/event.h, with none of the offsets that src/ knows. */

export type Word = number | bigint;

export class RecordBytes {
  readonly #parts: Buffer[] = [];

  u32(...values: readonly number[]): this {
    for (const value of values) {
      const part = Buffer.alloc(4);
      part.writeUInt32LE(value);
      this.#parts.push(part);
    }
    return this;
  }

  u16(...values: readonly number[]): this {
    for (const value of values) {
      const part = Buffer.alloc(2);
      part.writeUInt16LE(value);
      this.#parts.push(part);
    }
    return this;
  }

  u64(...values: readonly Word[]): this {
    for (const value of values) {
      const part = Buffer.alloc(8);
      part.writeBigUInt64LE(BigInt(value));
      this.#parts.push(part);
    }
    return this;
  }

  /** `size` bytes: the text, then NULs. */
  text(value: string | Uint8Array, size: number): this {
    const part = Buffer.alloc(size);
    part.set(typeof value === "string" ? Buffer.from(value) : value);
    this.#parts.push(part);
    return this;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

export interface IoFields {
  readonly kind: number;
  readonly flags?: number;
  readonly channel?: Word;
  readonly generation?: Word;
  readonly timeNs?: Word;
  readonly moved?: Word;
  readonly lost?: Word;
  readonly skipped?: Word;
  readonly startNs?: Word;
  readonly peer?: Word;
  readonly len?: number;
  readonly tgid?: number;
  readonly tid?: number;
  readonly channelKind?: number;
  readonly peerGeneration?: number;
  readonly comm?: string | Uint8Array;
  readonly payload?: string;
}

const NO_IO = {
  flags: 0,
  channel: 0,
  generation: 0,
  timeNs: 0,
  moved: 0,
  lost: 0,
  skipped: 0,
  startNs: 0,
  peer: 0,
  tgid: 0,
  tid: 0,
  channelKind: 1,
  peerGeneration: 0,
  comm: "",
} as const;

/** struct io_event, and its payload. */
export function ioRecord(fields: IoFields): Buffer {
  const io = { ...NO_IO, ...fields };
  const payload = Buffer.from(io.payload ?? "");
  return new RecordBytes()
    .u32(io.kind, io.flags)
    .u64(io.channel, io.generation, io.timeNs, io.moved)
    .u64(io.lost, io.skipped, io.startNs, io.peer)
    .u32(io.len ?? payload.length, payload.length, io.tgid, io.tid)
    .u32(io.channelKind, io.peerGeneration)
    .text(io.comm, 16)
    .text(payload, payload.length)
    .bytes();
}

export interface ProcessFields {
  readonly kind: number;
  readonly tgid: number;
  readonly timeNs?: Word;
  readonly startNs?: Word;
  readonly cgroupId?: Word;
  readonly parentTgid?: number;
  readonly exitCode?: number;
  readonly comm?: string;
  /** With its NULs. */
  readonly commandLine?: string;
  /** Of each standard stream: inode, mode, device. */
  readonly streams?: readonly (readonly [Word, number, number])[];
}

/** struct process_event. */
export function processRecord(process: ProcessFields): Buffer {
  const commandLine = Buffer.from(process.commandLine ?? "");
  const closed = [0, 0, 0] as const;
  const record = new RecordBytes()
    .u32(process.kind, process.tgid)
    .u64(process.timeNs ?? 0, process.startNs ?? 0, process.cgroupId ?? 0)
    .u32(process.parentTgid ?? 0, process.exitCode ?? 0, commandLine.length, 0)
    .text(process.comm ?? "", 16)
    .text(commandLine, 1024);
  for (const index of [0, 1, 2]) {
    const [inode, mode, device] = process.streams?.[index] ?? closed;
    record.u64(inode).u32(mode, device);
  }
  return record.bytes();
}

export interface HolderFields {
  readonly channel: Word;
  readonly generation: Word;
  readonly peer?: Word;
  readonly startNs?: Word;
  readonly tgid: number;
  readonly fd: number;
  readonly channelKind: number;
  readonly mode: number;
  readonly buffered?: number;
  readonly sendNext?: number;
  readonly receiveNext?: number;
  readonly comm: string;
}

/** struct holder_event. */
export function holderRecord(holder: HolderFields): Buffer {
  return new RecordBytes()
    .u64(holder.channel, holder.generation, holder.peer ?? 0, holder.startNs ?? 0)
    .u32(holder.tgid, holder.fd, holder.channelKind, holder.mode, holder.buffered ?? 0)
    .u32(holder.sendNext ?? 0, holder.receiveNext ?? 0, 0)
    .text(holder.comm, 16)
    .bytes();
}

export interface SocketFields {
  readonly kind: number;
  readonly flags?: number;
  readonly channel: Word;
  readonly generation: Word;
  readonly reverse: Word;
  readonly reverseGeneration: Word;
  readonly fromAddress: Uint8Array;
  readonly toAddress: Uint8Array;
  readonly fromPort: number;
  readonly toPort: number;
}

/** struct socket_event. */
export function socketRecord(socket: SocketFields): Buffer {
  return new RecordBytes()
    .u32(socket.kind, socket.flags ?? 0)
    .u64(1_000, socket.channel, socket.generation, socket.reverse, socket.reverseGeneration)
    .text(socket.fromAddress, 16)
    .text(socket.toAddress, 16)
    .u32(socket.fromPort, socket.toPort)
    .bytes();
}

export interface EntryFields {
  readonly generation: Word;
  readonly moved?: Word;
  readonly lost?: Word;
  readonly skipped?: Word;
  readonly written?: Word;
  readonly unseen?: Word;
  readonly readerStartNs?: Word;
  readonly writerStartNs?: Word;
  readonly readerTgid?: number;
  readonly writerTgid?: number;
  readonly channelKind?: number;
  readonly muted?: number;
  readonly wanted?: number;
  /** The counts when this generation began. */
  readonly base?: { moved: Word; lost: Word; written: Word; unseen: Word };
}

/** struct channel of bpf/maps.h */
export function channelEntry(entry: EntryFields): Buffer {
  const base = entry.base ?? { moved: 0, lost: 0, written: 0, unseen: 0 };
  return new RecordBytes()
    .u64(entry.generation, entry.moved ?? 0, entry.lost ?? 0, entry.written ?? 0)
    .u64(entry.unseen ?? 0, 0, entry.readerStartNs ?? 0, entry.writerStartNs ?? 0)
    .u32(entry.readerTgid ?? 0, entry.writerTgid ?? 0, entry.channelKind ?? 1)
    .u32(entry.muted ?? 0, entry.wanted ?? 0, 0, 0, 0)
    .u64(base.moved, base.lost, base.written, base.unseen)
    .u64(entry.skipped ?? 0, 0)
    .u32(0, 0, 0, 0, 0, 0)
    .bytes();
}

const DISCARDED = 0x40000000;

/** A record in the ring: length and flags, page offset, then the bytes, up to a multiple of 8. */
export function inRing(bytes: Buffer, discarded = false): Buffer {
  const record = Buffer.alloc(8 + Math.ceil(bytes.length / 8) * 8, 0xee);
  record.writeUInt32LE(discarded ? bytes.length + DISCARDED : bytes.length);
  record.set(bytes, 8);
  return record;
}
