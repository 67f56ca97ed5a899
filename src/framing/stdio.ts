/** Ordered bytes per channel in, the lines of stdio transports out. */
import type { Channel } from "../capture/types.ts";
import type { Stage } from "../stage.ts";
import type { Chunk, StreamItem } from "../stream/types.ts";
import { ChannelLines } from "./channel-lines.ts";
import type { HeldBytes } from "./partial-line.ts";
import type { FramingItem } from "./types.ts";

const MEBIBYTE = 1024 * 1024;
/** Room for one of the longest, which may take twice its length while it grows, and for others beside it. */
const LONGEST_LINES = 3;

export interface StdioFramingOptions {
  /** A longer line, its end included, is lost as `line_too_long`. Default 32 MiB. */
  readonly maxLineBytes?: number;
  /** Memory for all unfinished lines; over it the largest are lost as `memory_limit`. Default 256 MiB, or 3 of the longest. */
  readonly maxTotalBytes?: number;
}

/**
 * Splits channels into the lines of MCP's stdio transport.
 * In: chunks in stream order, cut anywhere, even inside UTF-8. Out: a Frame per line that starts
 * with `{` or `[`, Noise for other text, a Loss for every byte that is in neither, with its reason.
 * For each channel the bytes of these sum up to the bytes of its chunks and gaps and to what was
 * never read. A channel of 64 KiB without such a line is set aside, each time anew.
 * Source: MCP 2025-11-25, basic/transports#stdio.
 */
export class StdioFraming implements Stage<StreamItem, FramingItem> {
  readonly #maxLineBytes: number;
  readonly #maxTotalBytes: number;
  readonly #channels = new Map<Channel, ChannelLines>();
  readonly #held: HeldBytes = { total: 0 };

  constructor(options: StdioFramingOptions = {}) {
    this.#maxLineBytes = options.maxLineBytes ?? 32 * MEBIBYTE;
    this.#maxTotalBytes =
      options.maxTotalBytes ?? Math.max(256 * MEBIBYTE, LONGEST_LINES * this.#maxLineBytes);
  }

  push(item: StreamItem): readonly FramingItem[] {
    switch (item.kind) {
      case "chunk":
        return this.#pushChunk(item);
      case "gap": {
        const out: FramingItem[] = [];
        this.#lines(item.channel).pushGap(item, out);
        return out;
      }
      case "end": {
        const { channel, unreadBytes, timeNs } = item;
        const out: FramingItem[] = [];
        this.#channels.get(channel)?.finish(out);
        this.#channels.delete(channel);
        if (unreadBytes > 0) {
          out.push({ kind: "loss", channel, bytes: unreadBytes, reason: "unread", timeNs });
        }
        out.push(item);
        return out;
      }
      case "process-end":
      case "tick":
        return [item];
    }
  }

  end(): readonly FramingItem[] {
    const out: FramingItem[] = [];
    for (const lines of this.#channels.values()) lines.finish(out);
    this.#channels.clear();
    return out;
  }

  #pushChunk(chunk: Chunk): FramingItem[] {
    const out: FramingItem[] = [];
    const lines = this.#lines(chunk.channel);
    lines.pushChunk(chunk, out);
    if (lines.isHopeless) {
      lines.abandon(out);
      this.#channels.delete(chunk.channel);
      out.push({ kind: "set-aside", channel: chunk.channel });
    }
    if (this.#held.total > this.#maxTotalBytes) this.#dropLargest(out);
    return out;
  }

  #lines(channel: Channel): ChannelLines {
    let lines = this.#channels.get(channel);
    if (lines === undefined) {
      lines = new ChannelLines(channel, this.#maxLineBytes, this.#held);
      this.#channels.set(channel, lines);
    }
    return lines;
  }

  /** Frees an eighth of the bound at least, so that many channels cannot make this run for every chunk. */
  #dropLargest(out: FramingItem[]): void {
    const bySize = [...this.#channels.values()].sort((a, b) => b.heldBytes - a.heldBytes);
    for (const lines of bySize) {
      if (this.#held.total <= (this.#maxTotalBytes / 8) * 7) return;
      lines.dropLine("memory_limit", out);
    }
  }
}
