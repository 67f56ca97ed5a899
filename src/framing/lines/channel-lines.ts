/** The bytes of one channel in, its lines out, and texts that are framed otherwise; holds at most one unfinished text. */
import type { Channel, LossReason, Party } from "../../capture/types.ts";
import type { Chunk, Gap, Skip } from "../../stream/types.ts";
import type { LineFramer } from "../channel-framer.ts";
import type { HeldBytes } from "../partial-line.ts";
import type { Flag, FramingItem } from "../types.ts";
import { Budget } from "./budget.ts";
import { ContentLength, mayBeHeadLine, readHeadStart } from "./content-length.ts";
import { HeldText, isBracket, isClosed } from "./held-text.ts";
import { LineItems } from "./line-items.ts";
import { type LineState, readLineStart } from "./line-start.ts";

const LINE_FEED = 0x0a;
/** A text ends, and the next one begins. */
const GLUE = "}{";

const CONTENT_LENGTH: readonly Flag[] = ["content_length"];

/**
 * A text is what a line holds. Beside that, and flagged: what is printed over several lines (`multi_line`), what has no line
 * end (`no_line_end`), and what stands behind a head with its length (`content_length`).
 */
export class ChannelLines implements LineFramer {
  readonly channel: Channel;
  readonly #maxLineBytes: number;
  readonly #items: LineItems;
  readonly #held: HeldText;
  readonly #heads = new ContentLength();
  #state: LineState = "open";
  /** Why the rest of the current line is dropped. */
  #dropReason: LossReason = "line_too_long";
  /** Two texts may be glued together in the bytes that are looked at. */
  #hasGlue = false;
  /** Lines that are no text together: each may be one, and that is all. */
  #isPlain = false;
  readonly #budget = new Budget();

  constructor(channel: Channel, maxLineBytes: number, held: HeldBytes) {
    this.channel = channel;
    this.#maxLineBytes = maxLineBytes;
    this.#items = new LineItems(channel);
    this.#held = new HeldText(held);
  }

  /** Bytes of memory that the unfinished line takes. */
  get heldBytes(): number {
    return this.#held.capacity;
  }

  /** True when the channel has shown no JSON for so long that it is not worth hearing. */
  get isHopeless(): boolean {
    return this.#budget.isSpent;
  }

  /** It is worth hearing all the same, for so many bytes more. */
  hopeFor(bytes: number): void {
    this.#budget.spare(bytes);
  }

  /** That has been said before, since its last JSON. */
  get isSpared(): boolean {
    return this.#budget.isSpared;
  }

  get hasFrames(): boolean {
    return this.#items.hasFrames;
  }

  get waitsSinceNs(): number | undefined {
    const isBody = this.#heads.left > 0 && this.#state === "json";
    const waits = isBody || this.#held.mayBeWhole || this.#held.hasMessageLine;
    return waits ? this.#items.timeNs : undefined;
  }

  /** Some of these are JSON-RPC, as far as a look tells. */
  get hasMessages(): boolean {
    return this.#items.hasMessages;
  }

  /** Who read from it last. */
  get reader(): Party | undefined {
    return this.#items.reader;
  }

  pushChunk(chunk: Chunk, out: FramingItem[]): void {
    const { bytes, position } = chunk;
    if (position === 0 && this.channel.late === true) this.#items.suspect = "started_before_attach";
    if (this.#held.isFollowedBy(bytes)) this.#giveWhole(out);
    this.#items.begin(chunk);
    this.#hasGlue = bytes.includes(GLUE);
    let from = 0;
    while (from < bytes.length) {
      const isBody = this.#heads.left > 0;
      from = isBody
        ? this.#takeBody(bytes, from, position, out)
        : this.#takeLine(bytes, from, position, out);
    }
    this.#items.giveNoise(out);
  }

  pushGap(gap: Gap, out: FramingItem[]): void {
    const { channel, bytes, reason, timeNs } = gap;
    this.#items.isRest = this.#items.isMultiLine || this.#held.isMultiLine;
    this.#cut(timeNs, out);
    if (bytes > 0) out.push({ kind: "loss", channel, bytes, reason, timeNs });
    this.#items.suspect = "cut_by_gap";
  }

  pushSkip({ channel, bytes, timeNs }: Skip, out: FramingItem[]): void {
    this.#cut(timeNs, out);
    if (bytes > 0) out.push({ kind: "noise", channel, bytes, of: "skipped" });
  }

  /** Gives up the unfinished line and all that follows up to its end. */
  drop(reason: LossReason, out: FramingItem[]): void {
    this.#held.clear();
    this.#heads.clear();
    this.#state = "dropped";
    this.#dropReason = reason;
    this.#items.lose(reason, out);
  }

  /** Counts the unfinished line as noise: the channel is set aside. */
  abandon(out: FramingItem[]): void {
    this.#items.passNoise();
    this.#heads.clear();
    this.#startLine();
    this.#items.giveNoise(out);
  }

  settle(out: FramingItem[]): void {
    if (this.#heads.left > 0) this.#settleBody(out);
    else if (this.#held.isWhole) this.#giveWhole(out);
    else if (this.#held.hasMessageLine) this.#takeApart(true, out);
    this.#items.giveNoise(out);
  }

  /** No more bytes: an unfinished line that is complete JSON is a frame, any other JSON is lost. */
  finish(_timeNs: number | undefined, out: FramingItem[]): void {
    const held = this.#held;
    if (this.#heads.left > 0) this.#settleBody(out);
    else if (held.hasMessageLine || (held.isMultiLine && !held.isPartOfMessage)) {
      this.#takeApart(true, out);
    }
    if (this.#state === "dropped") this.#items.lose(this.#dropReason, out);
    else if (this.#state === "json") {
      if (held.scan() !== "whole") this.#items.suspect ??= "unfinished_line";
      this.#giveWhole(out);
    } else {
      if (this.#state !== "other") this.#turnOther();
      this.#items.giveUp(out);
    }
    this.#heads.clear();
    this.#startLine();
    this.#items.giveNoise(out);
  }

  /** Gives where the next line begins. */
  #takeLine(bytes: Buffer, from: number, position: number, out: FramingItem[]): number {
    const newline = bytes.indexOf(LINE_FEED, from);
    const to = newline < 0 ? bytes.length : newline + 1;
    this.#items.take(to - from, position + to);
    if (newline < 0) this.#takePiece(bytes, from, out);
    else this.#takeLineEnd(bytes, from, to, out);
    return to;
  }

  /** `bytes[from, …)` has no line end. */
  #takePiece(bytes: Buffer, from: number, out: FramingItem[]): void {
    if (this.#state === "open") this.#learnStart(bytes, from, bytes.length);
    const length = this.#held.length + bytes.length - from;
    if (this.#state === "head" && !mayBeHeadLine(length)) this.#turnOther();
    if (this.#state === "other") this.#passOther(bytes, from, bytes.length);
    else if (this.#state === "dropped") {
      // An endless line is reported while it lasts, in pieces.
      if (this.#items.pending >= this.#maxLineBytes) this.#items.lose(this.#dropReason, out);
    } else this.#hold(bytes, from, out);
  }

  #hold(bytes: Buffer, from: number, out: FramingItem[]): void {
    this.#held.append(bytes, from, bytes.length);
    if (this.#state === "json") {
      if (this.#isGlued(bytes, from, bytes.length)) this.#giveFollowed(out);
      this.#held.pause(bytes.at(-1));
    }
    if (this.#items.pending > this.#maxLineBytes) this.drop("line_too_long", out);
  }

  /** `bytes[from, to)` ends with the line's "\n". */
  #takeLineEnd(bytes: Buffer, from: number, to: number, out: FramingItem[]): void {
    if (this.#state === "open" && this.#beginBody(to - from)) return;
    if (this.#state === "open") this.#learnStart(bytes, from, to);
    if (this.#state === "head" && this.#endHeadLine(bytes, from, to)) return;
    if (this.#state === "json") {
      if (!this.#endJson(bytes, from, to, out)) return;
    } else if (this.#state === "dropped") this.#items.lose(this.#dropReason, out);
    else {
      this.#passOther(bytes, from, to);
      this.#items.giveUp(out);
      this.#heads.takeGlued();
    }
    this.#startLine();
  }

  /** Decides what the line is, once its first character that is no white space has been seen. */
  #learnStart(bytes: Buffer, from: number, to: number): void {
    if (this.#held.length === 0) this.#state = this.#startOf(bytes, from, to);
    else {
      const indent = Buffer.concat([this.#held.bytes(), bytes.subarray(from, to)]);
      this.#state = this.#startOf(indent, 0, indent.length);
    }
    if (this.#state === "json") this.#foundJson();
    else if (this.#state === "other") this.#turnOther();
  }

  #startOf(bytes: Buffer, from: number, to: number): LineState {
    const start = readLineStart(bytes, from, to);
    return start === "other" && !this.#isPlain ? readHeadStart(bytes, from, to) : start;
  }

  #foundJson(): void {
    if (this.#heads.left === 0) this.#giveUpHead();
    this.#state = "json";
    this.#budget.renew();
  }

  /** False: the text goes on in the next line, or another one begins in this. */
  #endJson(bytes: Buffer, from: number, to: number, out: FramingItem[]): boolean {
    const held = this.#held;
    const isGlued = this.#isGlued(bytes, from, to);
    const isSure = !isGlued && !held.isLookedInto;
    const isWhole = isSure && held.length === 0 && (this.#isPlain || isClosed(bytes, from, to));
    if (!isWhole) held.append(bytes, from, to);
    if (isGlued) this.#giveFollowed(out);
    if (this.#items.pending > this.#maxLineBytes) this.#items.lose("line_too_long", out);
    else if (isWhole) this.#items.frame(bytes, from, to, out);
    else if (isSure && (this.#isPlain || isClosed(held.bytes(), 0, held.length))) {
      this.#items.frame(held.bytes(), 0, held.length, out);
    } else if (this.#state === "json") return this.#endText(out);
    return true;
  }

  /** A line end, where it does not go without saying that the text ends, too. */
  #endText(out: FramingItem[]): boolean {
    const held = this.#held;
    const isLine = !held.isMultiLine && isClosed(held.bytes(), 0, held.length);
    const isWhole = !isLine && held.scan() === "whole";
    if (!isLine && !isWhole) {
      if (this.#endGlued(out) || held.goOn()) return false;
      if (held.isMultiLine) {
        this.#takeApart(false, out);
        return false;
      }
    }
    this.#items.frame(held.bytes(), 0, held.length, out, isWhole ? held.flags(true) : undefined);
    return true;
  }

  /** What is held is no text: it is read again as lines. `isOver`: else the last of them may begin one. */
  #takeApart(isOver: boolean, out: FramingItem[]): void {
    const held = Buffer.from(this.#held.bytes());
    const position = this.#items.position - held.length;
    const { suspect } = this.#items;
    const hasGlue = this.#hasGlue;
    this.#items.passNoise(this.#items.pending - held.length);
    this.#heads.clear();
    this.#startLine();
    this.#items.suspect = suspect;
    const last = held.lastIndexOf(LINE_FEED, held.length - 2) + 1;
    this.#isPlain = true;
    this.#items.turnBuffer();
    for (let from = 0; from < last; ) from = this.#takeLine(held, from, position, out);
    this.#isPlain = isOver;
    this.#hasGlue = held.subarray(last).includes(GLUE);
    this.#takeLine(held, last, position, out);
    this.#items.turnBuffer();
    this.#isPlain = false;
    this.#hasGlue = hasGlue;
  }

  #isGlued(bytes: Buffer, from: number, to: number): boolean {
    return this.#hasGlue && !this.#isPlain && bytes.subarray(from, to).includes(GLUE);
  }

  /** Texts that are whole, and behind each the next one begins at once. */
  #giveFollowed(out: FramingItem[]): void {
    const { length } = this.#held;
    const held = this.#held.bytes();
    for (const { from, to, flags } of this.#held.followed()) {
      if (to - from > this.#maxLineBytes) {
        this.drop("line_too_long", out);
        return;
      }
      this.#items.frame(held, from, to, out, flags, length - to);
      this.#items.suspect = undefined;
    }
  }

  /** The text has no line end, or none yet. */
  #giveWhole(out: FramingItem[]): void {
    const held = this.#held;
    this.#items.frame(held.bytes(), 0, held.length, out, held.flags(false));
    this.#startLine();
  }

  /** False: the line is none of a head's. */
  #endHeadLine(bytes: Buffer, from: number, to: number): boolean {
    const start = this.#held.bytes().toString("latin1");
    if (!this.#heads.addLine(start + bytes.toString("latin1", from, to))) {
      this.#turnOther();
      return false;
    }
    this.#held.clear();
    this.#state = "open";
    return true;
  }

  /** The line ends behind `bytes` more. False: it is none that ends a head. */
  #beginBody(bytes: number): boolean {
    // "\r\n", or "\n"; what is held of it is white space
    if (this.#held.length + bytes > 2) return false;
    const isBegun = this.#heads.begin(this.#items.pending, this.#maxLineBytes);
    if (isBegun) this.#held.clear();
    return isBegun;
  }

  /** The text behind a head, or what there is of it; gives where the next line begins. */
  #takeBody(bytes: Buffer, from: number, position: number, out: FramingItem[]): number {
    if (this.#state === "open" && !isBracket(bytes[from])) {
      this.#giveUpHead();
      return from;
    }
    if (this.#state === "open") this.#foundJson();
    const to = this.#heads.take(from, bytes.length);
    this.#items.take(to - from, position + to);
    this.#held.append(bytes, from, to);
    const held = this.#held.bytes();
    if (this.#heads.left > 0) return to;
    if (isClosed(held, 0, held.length)) this.#giveBody(out);
    else this.#takeApart(false, out);
    return to;
  }

  #giveBody(out: FramingItem[]): void {
    this.#items.frame(this.#held.bytes(), 0, this.#held.length, out, CONTENT_LENGTH);
    this.#heads.confirm();
    this.#startLine();
  }

  /** The head may have said more than there is. */
  #settleBody(out: FramingItem[]): void {
    const state = this.#state === "json" ? this.#held.scan() : "open";
    if (state === "whole") this.#giveBody(out);
    else if (state === "broken") this.#takeApart(false, out);
  }

  /** The line ends with the head of the next text. */
  #endGlued(out: FramingItem[]): boolean {
    const { length } = this.#held;
    this.#heads.noteEnd(this.#held.bytes(), 0, length);
    const glued = this.#heads.takeGlued();
    if (glued === 0) return false;
    const end = length - glued;
    if (this.#held.isEndedAt(end)) {
      this.#items.frame(this.#held.bytes(), 0, end, out, CONTENT_LENGTH, glued);
      this.#heads.bytes = glued;
    } else this.#items.giveUp(out);
    this.#startLine();
    this.#items.pending = this.#heads.bytes;
    return true;
  }

  /** What looked like a head was none. */
  #giveUpHead(): void {
    const { bytes } = this.#heads;
    this.#heads.clear();
    this.#items.passNoise(bytes);
    this.#budget.spend(bytes);
  }

  /** The line, as far as it is held, is no JSON. */
  #turnOther(): void {
    this.#giveUpHead();
    this.#state = "other";
    const { length } = this.#held;
    if (length === 0) return;
    const held = this.#held.bytes();
    this.#noteEnd(held, 0, length);
    if (this.#items.suspect === undefined) this.#items.readNoiseOf(held.subarray(0, length));
    this.#held.clear();
  }

  /** Counts bytes of a line that is no JSON. Of a suspect line they wait for its end. */
  #passOther(bytes: Buffer, from: number, to: number): void {
    // the rest of a line that began unheard says nothing of the channel, unless it never ends
    const isSuspect = this.#items.suspect !== undefined;
    const isTail = isSuspect && !this.#items.isRest && this.#items.pending <= this.#maxLineBytes;
    if (!isTail) this.#budget.spend(to - from);
    this.#noteEnd(bytes, from, to);
    if (!isSuspect) {
      this.#items.readNoise(bytes, from, to);
      this.#items.passNoise();
    }
  }

  #noteEnd(bytes: Buffer, from: number, to: number): void {
    if (this.#items.suspect === undefined && !this.#heads.isUsed) return;
    if (!this.#isPlain) this.#heads.noteEnd(bytes, from, to);
    this.#items.noteLast(bytes, from, to);
  }

  /** Bytes were not heard. */
  #cut(timeNs: number, out: FramingItem[]): void {
    if (this.#held.hasMessageLine) this.#takeApart(true, out);
    this.#items.timeNs = timeNs;
    this.#items.lose(this.#state === "dropped" ? this.#dropReason : "cut_by_gap", out);
    this.#heads.clear();
    this.#startLine();
  }

  #startLine(): void {
    this.#held.clear();
    this.#state = "open";
    this.#items.startLine();
  }
}
