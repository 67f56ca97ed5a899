/** Builds ring records field by field, in the order of bpf/event.h, with none of the offsets that src/ knows. */

type Word = number | bigint;

class Fields {
  readonly #parts: Buffer[] = [];

  u32(...values: readonly number[]): this {
    for (const value of values) {
      const part = Buffer.alloc(4);
      part.writeUInt32LE(value);
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

/** struct io_event, and its payload. */
export function ioRecord(io: IoFields): Buffer {
  const payload = Buffer.from(io.payload ?? "");
  return new Fields()
    .u32(io.kind, io.flags ?? 0)
    .u64(io.channel ?? 0, io.generation ?? 0, io.timeNs ?? 0, io.moved ?? 0)
    .u64(io.lost ?? 0, io.startNs ?? 0, io.peer ?? 0)
    .u32(io.len ?? payload.length, payload.length, io.tgid ?? 0, io.tid ?? 0)
    .u32(io.channelKind ?? 1, io.peerGeneration ?? 0)
    .text(io.comm ?? "", 16)
    .text(payload, payload.length)
    .bytes();
}

export interface ReusedFields {
  readonly channelKind: number;
  readonly channel: Word;
  readonly generation: Word;
  readonly timeNs: Word;
  readonly moved: Word;
  readonly lost: Word;
  readonly written: Word;
  readonly unseen: Word;
  readonly readerStartNs: Word;
  readonly writerStartNs: Word;
  readonly readerTgid: number;
  readonly writerTgid: number;
  readonly wanted: number;
}

/** struct reused_event. */
export function reusedRecord(last: ReusedFields): Buffer {
  return new Fields()
    .u32(6, last.channelKind)
    .u64(last.channel, last.generation, last.timeNs, last.moved, last.lost)
    .u64(last.written, last.unseen, last.readerStartNs, last.writerStartNs)
    .u32(last.readerTgid, last.writerTgid, last.wanted, 0)
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
}

/** struct process_event. */
export function processRecord(process: ProcessFields): Buffer {
  const commandLine = Buffer.from(process.commandLine ?? "");
  return new Fields()
    .u32(process.kind, process.tgid)
    .u64(process.timeNs ?? 0, process.startNs ?? 0, process.cgroupId ?? 0)
    .u32(process.parentTgid ?? 0, process.exitCode ?? 0, commandLine.length, 0)
    .text(process.comm ?? "", 16)
    .text(commandLine, 1024)
    .bytes();
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
  readonly comm: string;
}

/** struct holder_event. */
export function holderRecord(holder: HolderFields): Buffer {
  return new Fields()
    .u64(holder.channel, holder.generation, holder.peer ?? 0, holder.startNs ?? 0)
    .u32(holder.tgid, holder.fd, holder.channelKind, holder.mode, holder.buffered ?? 0, 0)
    .text(holder.comm, 16)
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
