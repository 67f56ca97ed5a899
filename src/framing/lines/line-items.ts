/** What became of a channel's bytes in, the items that say so out: each byte is in exactly one of them. */
import type { Channel, LossReason, Party } from "../../capture/types.ts";
import { holdsMessage, isJson } from "../../json-grammar.ts";
import type { Chunk } from "../../stream/types.ts";
import { decodeLine } from "../decode-line.ts";
import type { Flag, FramingItem } from "../types.ts";
import { LineNoise } from "./line-noise.ts";
import { Readers } from "./readers.ts";

const NO_FLAGS: readonly Flag[] = [];
const SHARED: readonly Flag[] = ["shared_line"];
const CLOSE_BRACE = 0x7d;
const CLOSE_BRACKET = 0x5d;

export class LineItems {
  readonly channel: Channel;
  /** Bytes that were taken, and for which no item has been given out. */
  pending = 0;
  /** Position just behind what was taken. */
  position = 0;
  timeNs = 0;
  /** Why the current line is one only if its text is complete: its first bytes may be those of another. */
  suspect: LossReason | undefined;
  /** A text over several lines was cut: what comes up to the next text is its rest. */
  isRest = false;
  /** The last byte of a suspect line that is no white space. */
  #lastByte = 0;
  readonly #noise = new LineNoise();
  /** A piece of the current line has been read as noise. */
  #isInNoise = false;
  readonly #readers = new Readers();
  #sender: Party | undefined;
  #hasFrames = false;
  #hasMessages = false;
  #isMultiLine = false;

  constructor(channel: Channel) {
    this.channel = channel;
  }

  get hasFrames(): boolean {
    return this.#hasFrames;
  }

  /** Some of them are JSON-RPC, as far as a look tells. */
  get hasMessages(): boolean {
    return this.#hasMessages;
  }

  /** Who read last. */
  get reader(): Party | undefined {
    return this.#readers.last;
  }

  /** The last frame went over several lines. */
  get isMultiLine(): boolean {
    return this.#isMultiLine;
  }

  /** The read that what follows comes from. */
  begin({ timeNs, reader, sender }: Chunk): void {
    this.timeNs = timeNs;
    this.#readers.begin(reader, this.pending > 0);
    this.#sender = sender;
    this.#noise.startBuffer();
  }

  /** What is looked at from here on stands in other memory. */
  turnBuffer(): void {
    this.#noise.startBuffer();
  }

  take(bytes: number, position: number): void {
    this.pending += bytes;
    this.position = position;
  }

  /**
   * What is pending, but for the bytes `behind`, as a frame of the text `bytes[from, to)`. When the line is suspect, only if
   * it is complete JSON, and else as that loss.
   */
  frame(
    bytes: Buffer,
    from: number,
    to: number,
    out: FramingItem[],
    flags: readonly Flag[] = NO_FLAGS,
    behind = 0,
  ): void {
    const line = decodeLine(bytes, from, to);
    const { last: reader, others } = this.#readers;
    const size = this.pending - behind;
    if (reader === undefined || (this.suspect !== undefined && !isJson(line.text))) {
      this.lose(this.suspect ?? "unfinished_line", out, size);
      return;
    }
    out.push({
      kind: "frame",
      channel: this.channel,
      text: line.text,
      bytes: size,
      endPosition: this.position - behind,
      timeNs: this.timeNs,
      reader,
      ...(others.length === 0 ? {} : { otherReaders: others }),
      sender: this.#sender,
      sentNs: undefined,
      flags: allFlags(line.flags, flags, others),
    });
    this.#readers.startLine();
    this.pending = behind;
    this.#hasFrames = true;
    this.#hasMessages ||= holdsMessage(line.text);
    this.#isMultiLine = flags.includes("multi_line");
    this.isRest = false;
  }

  lose(reason: LossReason, out: FramingItem[], bytes = this.pending): void {
    if (bytes === 0) return;
    out.push({ kind: "loss", channel: this.channel, bytes, reason, timeNs: this.timeNs });
    this.pending -= bytes;
  }

  /** Counted until `giveNoise`. */
  passNoise(bytes = this.pending): void {
    this.#noise.count(bytes);
    this.pending -= bytes;
  }

  /** What noise says: `bytes[from, to)` is a line, or a part of one. */
  readNoise(bytes: Buffer, from: number, to: number): void {
    this.#noise.read(bytes, from, to, !this.#isInNoise);
    this.#isInNoise = true;
  }

  /** The same of bytes that were held. */
  readNoiseOf(held: Buffer): void {
    this.turnBuffer();
    this.readNoise(held, 0, held.length);
    this.turnBuffer();
  }

  /** What is pending is no JSON: noise, unless it may be the end of a message. */
  giveUp(out: FramingItem[]): void {
    const last = this.#lastByte;
    const isTail = last === 0 || last === CLOSE_BRACE || last === CLOSE_BRACKET;
    if (this.suspect === "cut_by_gap" || (this.suspect !== undefined && isTail)) {
      this.lose(this.suspect, out);
    } else this.passNoise();
  }

  giveNoise(out: FramingItem[]): void {
    const noise = this.#noise.take(this.channel, this.timeNs);
    if (noise !== undefined) out.push(noise);
  }

  noteLast(bytes: Buffer, from: number, to: number): void {
    for (let at = to - 1; at >= from; at--) {
      const byte = bytes[at];
      if (byte === undefined || byte <= 0x20) continue;
      this.#lastByte = byte;
      return;
    }
  }

  /** All that was pending has its items. */
  startLine(): void {
    this.pending = 0;
    this.suspect = this.isRest ? "cut_by_gap" : undefined;
    this.#lastByte = 0;
    this.#isInNoise = false;
    this.#readers.startLine();
  }
}

function allFlags(
  ofLine: readonly Flag[],
  others: readonly Flag[],
  otherReaders: readonly Party[],
): readonly Flag[] {
  if (others.length + otherReaders.length === 0) return ofLine;
  return [...ofLine, ...others, ...(otherReaders.length === 0 ? [] : SHARED)];
}
