/** What every framer of one channel can do: bytes and holes in, items out, each byte in exactly one of them. */
import type { LossReason } from "../capture/types.ts";
import type { Chunk, Gap, Skip } from "../stream/types.ts";
import type { FramingItem } from "./types.ts";

export interface ChannelFramer {
  /** Bytes of memory that what is unfinished takes. */
  readonly heldBytes: number;
  /** The channel has carried no message for so long that it is not worth hearing. */
  readonly isHopeless: boolean;
  pushChunk(chunk: Chunk, out: FramingItem[]): void;
  pushGap(gap: Gap, out: FramingItem[]): void;
  pushSkip(skip: Skip, out: FramingItem[]): void;
  /** Gives up what is unfinished, and what follows of it, to free its memory. */
  drop(reason: LossReason, out: FramingItem[]): void;
  /** Counts what is unfinished as noise: the channel is set aside. */
  abandon(out: FramingItem[]): void;
  /** No more bytes. `timeNs`: when the channel ended; undefined: it goes on, it is we who stop. */
  finish(timeNs: number | undefined, out: FramingItem[]): void;
}
