/** Ordered bytes per channel, with what is missing said in place. */
import type { Channel, LossReason, Party, Process } from "../capture/types.ts";

/**
 * Bytes that a reader received, in order; or, when that is another host, bytes that were written to it. `bytes` is a view
 * into the ring: valid only during the push.
 */
export interface Chunk {
  readonly kind: "chunk";
  readonly channel: Channel;
  readonly bytes: Buffer;
  /** Position of the first byte among all bytes read from the channel since the tool listens. */
  readonly position: number;
  /** Return of the read (of the write, when the reader is a host), CLOCK_BOOTTIME ns. */
  readonly timeNs: number;
  readonly reader: Party;
  /** Who wrote them, where that needs no note: the bytes were copied at the write, or come from a host. */
  readonly sender?: Party | undefined;
}

/** Bytes that the reader received and the tool did not. Parsers never join across it. */
export interface Gap {
  readonly kind: "gap";
  readonly channel: Channel;
  readonly bytes: number;
  readonly reason: LossReason;
  readonly timeNs: number;
}

/** Bytes that the kernel was told to leave out: other HTTP. What follows begins a request or an answer. */
export interface Skip {
  readonly kind: "skip";
  readonly channel: Channel;
  readonly bytes: number;
  readonly timeNs: number;
}

/** Nothing more will come out of this channel. */
export interface ChannelEnd {
  readonly kind: "end";
  readonly channel: Channel;
  readonly timeNs: number;
  /** Bytes written and never read, and who wrote last. */
  readonly unreadBytes: number;
  readonly writer: Party | undefined;
}

/** Bytes that lie in the channel when the run ends, written and not read. */
export interface Lying {
  readonly kind: "lying";
  readonly channel: Channel;
  readonly bytes: number;
  /** When the first of them was written; undefined: not known. */
  readonly sinceNs: number | undefined;
  readonly timeNs: number;
}

/** A process ended (`process.exit` is set). */
export interface ProcessEnd {
  readonly kind: "process-end";
  readonly process: Process;
  readonly timeNs: number;
}

/** Time passes: sent when idle, a few times a second. */
export interface Tick {
  readonly kind: "tick";
  readonly timeNs: number;
}

/** Something that is there and cannot be heard. */
export interface Blind {
  readonly kind: "blind";
  readonly channel: Channel | undefined;
  readonly process: Process | undefined;
  readonly reason: "packet_socket" | "unseen_read" | "io_uring" | "http_upgrade";
  readonly bytes: number;
  readonly timeNs: number;
}

export type StreamItem = Chunk | Gap | Skip | Lying | ChannelEnd | ProcessEnd | Tick;

/** Which of its writer's standard descriptors a channel is (Channel.writtenAs). */
export type WrittenAs = NonNullable<ReturnType<NonNullable<Channel["writtenAs"]>>>;
