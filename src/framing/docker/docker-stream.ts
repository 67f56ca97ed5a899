/** What a container puts out, as Docker sends it on, in; the lines of its standard output out. */
import type { Channel, LossReason } from "../../capture/types.ts";
import type { Chunk, Gap, Skip } from "../../stream/types.ts";
import type { LineFramer } from "../channel-framer.ts";
import { ChannelLines } from "../lines/channel-lines.ts";
import type { HeldBytes } from "../partial-line.ts";
import type { FramingItem } from "../types.ts";
import { findPiece, HEADER_BYTES, OUTPUT, readPieceHeader } from "./piece-header.ts";

/** "first": nothing has come; "lines": there are no headers, the container has a terminal; "seek": behind a hole. */
type Place = "first" | "header" | "content" | "seek" | "lines";

/**
 * A header of 8 bytes stands before each piece of what a container without a terminal puts out; its errors are among it. A line
 * may go over many pieces. Headers are counted as `http`: they are in no frame.
 */
export class DockerStream implements LineFramer {
  readonly channel: Channel;
  readonly #lines: ChannelLines;
  #place: Place = "first";
  /** Of a header, what has come of it. */
  #header = Buffer.alloc(0);
  #stream = OUTPUT;
  /** Bytes of the piece's content that are still to come. */
  #left = 0;

  constructor(channel: Channel, maxLineBytes: number, held: HeldBytes) {
    this.channel = channel;
    this.#lines = new ChannelLines(channel, maxLineBytes, held);
  }

  get heldBytes(): number {
    return this.#lines.heldBytes;
  }

  get isHopeless(): boolean {
    return this.#lines.isHopeless;
  }

  get hasFrames(): boolean {
    return this.#lines.hasFrames;
  }

  get waitsSinceNs(): number | undefined {
    return this.#lines.waitsSinceNs;
  }

  pushChunk(chunk: Chunk, out: FramingItem[]): void {
    const { bytes } = chunk;
    if (this.#place === "first") this.#place = (bytes[0] ?? 0) > 3 ? "lines" : "header";
    let at = this.#place === "seek" ? this.#find(chunk, out) : 0;
    while (at < bytes.length) {
      at =
        this.#place === "header"
          ? this.#takeHeader(chunk, at, out)
          : this.#takeContent(chunk, at, out);
    }
  }

  pushGap(gap: Gap, out: FramingItem[]): void {
    this.#lines.pushGap(gap, out);
    if (this.#place === "lines") return;
    const isInside = this.#place === "content" && gap.bytes > 0 && gap.bytes <= this.#left;
    if (isInside) this.#pass(gap.bytes);
    else {
      this.#count("cut_by_gap", this.#header.length, gap.timeNs, out);
      this.#header = this.#header.subarray(0, 0);
      this.#place = "seek";
    }
  }

  pushSkip(skip: Skip, out: FramingItem[]): void {
    this.#lines.pushSkip(skip, out);
  }

  drop(reason: LossReason, out: FramingItem[]): void {
    this.#lines.drop(reason, out);
  }

  abandon(out: FramingItem[]): void {
    this.#endHeader(out);
    this.#lines.abandon(out);
  }

  finish(timeNs: number | undefined, out: FramingItem[]): void {
    this.#endHeader(out);
    this.#lines.finish(timeNs, out);
  }

  settle(out: FramingItem[]): void {
    this.#lines.settle(out);
  }

  #takeHeader({ bytes, timeNs }: Chunk, at: number, out: FramingItem[]): number {
    const to = Math.min(bytes.length, at + HEADER_BYTES - this.#header.length);
    this.#header = Buffer.concat([this.#header, bytes.subarray(at, to)]);
    if (this.#header.length < HEADER_BYTES) return to;
    const header = readPieceHeader(this.#header, 0);
    if (header === undefined) this.#place = "seek";
    else {
      this.#stream = header.stream;
      this.#left = header.length;
      this.#place = header.length > 0 ? "content" : "header";
    }
    if (header === undefined) this.#count("cut_by_gap", HEADER_BYTES, timeNs, out);
    else this.#noise(HEADER_BYTES, "http", out);
    this.#header = this.#header.subarray(0, 0);
    return to;
  }

  #takeContent(chunk: Chunk, at: number, out: FramingItem[]): number {
    const { bytes, position, timeNs } = chunk;
    const isCounted = this.#place === "content";
    const to = isCounted ? Math.min(bytes.length, at + this.#left) : bytes.length;
    const isLines = this.#place === "lines" || (isCounted && this.#stream === OUTPUT);
    if (isLines) {
      const piece = { ...chunk, bytes: bytes.subarray(at, to), position: position + at };
      this.#lines.pushChunk(piece, out);
    } else if (isCounted) this.#noise(to - at, "text", out);
    else this.#count("cut_by_gap", to - at, timeNs, out);
    if (isCounted) this.#pass(to - at);
    return to;
  }

  /** Behind a hole: where the next piece of output begins. What is before it is lost. */
  #find({ bytes, timeNs }: Chunk, out: FramingItem[]): number {
    const at = findPiece(bytes);
    if (at < 0) return 0;
    this.#count("cut_by_gap", at, timeNs, out);
    this.#place = "header";
    return at;
  }

  #pass(bytes: number): void {
    this.#left -= bytes;
    if (this.#left === 0) this.#place = "header";
  }

  #endHeader(out: FramingItem[]): void {
    this.#noise(this.#header.length, "http", out);
    this.#header = this.#header.subarray(0, 0);
  }

  #noise(bytes: number, of: "text" | "http", out: FramingItem[]): void {
    if (bytes > 0) out.push({ kind: "noise", channel: this.channel, bytes, of });
  }

  #count(reason: LossReason, bytes: number, timeNs: number, out: FramingItem[]): void {
    if (bytes > 0) out.push({ kind: "loss", channel: this.channel, bytes, reason, timeNs });
  }
}
