/** The bytes of one channel in, its lines out; holds at most one unfinished line. */
import type { Channel, LossReason, Party } from "../../capture/types.ts";
import { isJson } from "../../json-grammar.ts";
import type { Chunk, Gap, Skip } from "../../stream/types.ts";
import type { ChannelFramer } from "../channel-framer.ts";
import { decodeLine } from "../decode-line.ts";
import { type HeldBytes, PartialLine } from "../partial-line.ts";
import type { FramingItem } from "../types.ts";
import { type LineStart, readLineStart } from "./line-start.ts";

/** Bytes without a line that starts with `{` or `[`, after which a channel is set aside. */
const UNPROVEN_BUDGET = 64 * 1024;

/**
 * The same for a channel that had such lines: a server that also logs to its stdout must stay
 * heard, while a long-lived log that once printed a brace may not cost copies for ever.
 */
const PROVEN_BUDGET = 16 * 1024 * 1024;

/**
 * What the current line is:
 * "open": not known yet, held; "json": held; "other": counted only; "dropped": lost up to its end.
 */
type LineState = LineStart | "dropped";

export class ChannelLines implements ChannelFramer {
  readonly channel: Channel;
  readonly #maxLineBytes: number;
  readonly #partial: PartialLine;
  #state: LineState = "open";
  /** Bytes of the current line for which no item has been given out. */
  #pending = 0;
  /** Why the current line is one only if its text is complete: its first bytes may be those of another. */
  #suspect: LossReason | undefined;
  /** Why the rest of the current line is dropped. */
  #dropReason: LossReason = "line_too_long";
  /** The last byte of an "other" line that is no white space. */
  #lastByte = 0;
  #noiseBytes = 0;
  #proven = false;
  #bytesSinceJson = 0;
  #position = 0;
  #timeNs = 0;
  #reader: Party | undefined;
  #sender: Party | undefined;
  #hasFrames = false;

  constructor(channel: Channel, maxLineBytes: number, held: HeldBytes) {
    this.channel = channel;
    this.#maxLineBytes = maxLineBytes;
    this.#partial = new PartialLine(held);
  }

  /** Bytes of memory that the unfinished line takes. */
  get heldBytes(): number {
    return this.#partial.capacity;
  }

  /** True when the channel has shown no JSON for so long that it is not worth hearing. */
  get isHopeless(): boolean {
    return this.#bytesSinceJson > (this.#proven ? PROVEN_BUDGET : UNPROVEN_BUDGET);
  }

  /** It carries JSON lines, for certain. */
  get hasFrames(): boolean {
    return this.#hasFrames;
  }

  pushChunk(chunk: Chunk, out: FramingItem[]): void {
    if (chunk.position === 0 && this.channel.late === true) this.#suspect = "started_before_attach";
    const { bytes } = chunk;
    this.#timeNs = chunk.timeNs;
    this.#reader = chunk.reader;
    this.#sender = chunk.sender;
    let from = 0;
    while (from < bytes.length) {
      const newline = bytes.indexOf(0x0a, from);
      const to = newline < 0 ? bytes.length : newline + 1;
      this.#position = chunk.position + to;
      this.#pending += to - from;
      if (newline < 0) this.#takePiece(bytes, from, out);
      else this.#takeLineEnd(bytes, from, to, out);
      from = to;
    }
    this.#giveNoise(out);
  }

  pushGap(gap: Gap, out: FramingItem[]): void {
    this.#timeNs = gap.timeNs;
    this.#lose(this.#state === "dropped" ? this.#dropReason : "cut_by_gap", out);
    if (gap.bytes > 0) {
      const { channel, bytes, reason, timeNs } = gap;
      out.push({ kind: "loss", channel, bytes, reason, timeNs });
    }
    this.#startLine();
    this.#suspect = "cut_by_gap";
  }

  pushSkip(skip: Skip, out: FramingItem[]): void {
    this.#timeNs = skip.timeNs;
    this.#lose(this.#state === "dropped" ? this.#dropReason : "cut_by_gap", out);
    this.#startLine();
    if (skip.bytes > 0) {
      out.push({ kind: "noise", channel: this.channel, bytes: skip.bytes, of: "skipped" });
    }
  }

  /** Gives up the unfinished line and all that follows up to its end. */
  drop(reason: LossReason, out: FramingItem[]): void {
    this.#partial.clear();
    this.#state = "dropped";
    this.#dropReason = reason;
    this.#lose(reason, out);
  }

  /** Counts the unfinished line as noise: the channel is set aside. */
  abandon(out: FramingItem[]): void {
    this.#noiseBytes += this.#pending;
    this.#startLine();
    this.#giveNoise(out);
  }

  /** No more bytes: an unfinished line that is complete JSON is a frame, any other JSON is lost. */
  finish(_timeNs: number | undefined, out: FramingItem[]): void {
    if (this.#state === "dropped") this.#lose(this.#dropReason, out);
    else if (this.#state === "json") {
      const line = this.#partial.bytes();
      this.#giveFrame(line, 0, line.length, this.#suspect ?? "unfinished_line", out);
    } else this.#endOther(out);
    this.#startLine();
    this.#giveNoise(out);
  }

  /** `bytes[from, …)` has no line end. */
  #takePiece(bytes: Buffer, from: number, out: FramingItem[]): void {
    if (this.#state === "open") this.#learnStart(bytes, from, bytes.length);
    if (this.#state === "other") this.#passOther(bytes, from, bytes.length);
    else if (this.#state === "dropped") {
      // An endless line is reported while it lasts, in pieces.
      if (this.#pending >= this.#maxLineBytes) this.#lose(this.#dropReason, out);
    } else if (this.#pending > this.#maxLineBytes) this.drop("line_too_long", out);
    else this.#partial.append(bytes, from, bytes.length);
  }

  /** `bytes[from, to)` ends with the line's "\n". */
  #takeLineEnd(bytes: Buffer, from: number, to: number, out: FramingItem[]): void {
    if (this.#state === "open") this.#learnStart(bytes, from, to);
    if (this.#state === "dropped") this.#lose(this.#dropReason, out);
    else if (this.#state === "json") this.#endJson(bytes, from, to, out);
    else {
      this.#passOther(bytes, from, to);
      this.#endOther(out);
    }
    this.#startLine();
  }

  /** Decides what the line is, once its first character that is no white space has been seen. */
  #learnStart(bytes: Buffer, from: number, to: number): void {
    if (this.#partial.length === 0) this.#state = readLineStart(bytes, from, to);
    else {
      const indent = Buffer.concat([this.#partial.bytes(), bytes.subarray(from, to)]);
      this.#state = readLineStart(indent, 0, indent.length);
    }
    if (this.#state === "json") {
      this.#proven = true;
      this.#bytesSinceJson = 0;
    } else if (this.#state === "other") {
      this.#noteLastByte(this.#partial.bytes(), 0, this.#partial.length);
      this.#partial.clear();
    }
  }

  #endJson(bytes: Buffer, from: number, to: number, out: FramingItem[]): void {
    if (this.#pending > this.#maxLineBytes) this.#lose("line_too_long", out);
    else if (this.#partial.length === 0) this.#giveFrame(bytes, from, to, this.#suspect, out);
    else {
      this.#partial.append(bytes, from, to);
      this.#giveFrame(this.#partial.bytes(), 0, this.#partial.length, this.#suspect, out);
    }
  }

  /** Counts bytes of a line that is no JSON. Of a suspect line they wait for its end. */
  #passOther(bytes: Buffer, from: number, to: number): void {
    // the rest of a line that began unheard says nothing of the channel, unless it never ends
    const isTail = this.#suspect !== undefined && this.#pending <= this.#maxLineBytes;
    if (!isTail) this.#bytesSinceJson += to - from;
    if (this.#suspect === undefined) {
      this.#noiseBytes += this.#pending;
      this.#pending = 0;
    } else this.#noteLastByte(bytes, from, to);
  }

  #noteLastByte(bytes: Buffer, from: number, to: number): void {
    for (let at = to - 1; at >= from; at--) {
      const byte = bytes[at];
      if (byte === undefined || byte <= 0x20) continue;
      this.#lastByte = byte;
      return;
    }
  }

  /** The end of a line that is no JSON: noise, unless it may be the end of a message. */
  #endOther(out: FramingItem[]): void {
    const last = this.#lastByte;
    const isTail = last === 0 || last === 0x7d || last === 0x5d;
    if (this.#suspect === "cut_by_gap" || (this.#suspect !== undefined && isTail)) {
      this.#lose(this.#suspect, out);
    } else {
      this.#noiseBytes += this.#pending;
      this.#pending = 0;
    }
  }

  /** Gives out a line as a frame; with a `doubt`, only when it is complete JSON, and else as that loss. */
  #giveFrame(
    bytes: Buffer,
    from: number,
    to: number,
    doubt: LossReason | undefined,
    out: FramingItem[],
  ): void {
    const { text, flags } = decodeLine(bytes, from, to);
    const reader = this.#reader;
    if (reader === undefined || (doubt !== undefined && !isJson(text))) {
      this.#lose(doubt ?? "unfinished_line", out);
      return;
    }
    out.push({
      kind: "frame",
      channel: this.channel,
      text,
      bytes: this.#pending,
      endPosition: this.#position,
      timeNs: this.#timeNs,
      reader,
      sender: this.#sender,
      sentNs: undefined,
      flags,
    });
    this.#pending = 0;
    this.#hasFrames = true;
  }

  #lose(reason: LossReason, out: FramingItem[]): void {
    if (this.#pending === 0) return;
    const { channel } = this;
    out.push({ kind: "loss", channel, bytes: this.#pending, reason, timeNs: this.#timeNs });
    this.#pending = 0;
  }

  #giveNoise(out: FramingItem[]): void {
    if (this.#noiseBytes === 0) return;
    out.push({ kind: "noise", channel: this.channel, bytes: this.#noiseBytes, of: "text" });
    this.#noiseBytes = 0;
  }

  #startLine(): void {
    this.#partial.clear();
    this.#state = "open";
    this.#pending = 0;
    this.#suspect = undefined;
    this.#lastByte = 0;
  }
}
