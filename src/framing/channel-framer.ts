/** What every framer of one channel can do: bytes and holes in, items out, each byte in exactly one of them. */
import type { Channel, LossReason } from "../capture/types.ts";
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

/** A framer of what goes by lines. */
export interface LineFramer extends ChannelFramer {
  readonly channel: Channel;
  /** It carries JSON lines, for certain. */
  readonly hasFrames: boolean;
  /** When the last bytes came, of a text that may be whole although its end has not come; undefined: there is none. */
  readonly waitsSinceNs: number | undefined;
  /** Nothing came for a while, or who would bring more is gone: what waits is given out as far as it is whole. */
  settle(out: FramingItem[]): void;
}
