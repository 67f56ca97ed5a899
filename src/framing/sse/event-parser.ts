/** The bytes of an event stream in, its events out, each as soon as the empty line behind it has come. */
import type { LossReason } from "../../capture/types.ts";
import type { HeldBytes } from "../partial-line.ts";
import { Pieces } from "../pieces.ts";

/** A server-sent event that has data. */
export interface ServerEvent {
  /** "": it has none, which means "message". */
  readonly name: string;
  /** Its own; undefined: it has none. */
  readonly id: string | undefined;
  /** Its data lines, joined by "\n". Valid during the call only. */
  readonly data: Buffer;
  /** Bytes of its data lines, with their field names and line ends. */
  readonly bytes: number;
  /** Position behind the last data line. */
  readonly endPosition: number;
}

/** Gets every byte once: as an event's, as noise (other fields, comments, empty lines), or as lost. */
export interface EventTaker {
  event(event: ServerEvent): void;
  noise(bytes: number): void;
  lost(bytes: number, reason: LossReason): void;
}

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
const NEWLINE = Buffer.from("\n");
const DATA = Buffer.from("data");
const EVENT = Buffer.from("event");
const ID = Buffer.from("id");
const BOM = Buffer.of(0xef, 0xbb, 0xbf);
/** So many bytes of a line tell a data line, and whether a space follows its colon. */
const TELLING = 6;
/** A longer `event` or `id` line is passed over. */
const MAX_FIELD = 1024;
const MAX_NAME = 64;

/** What the unfinished line is: "open", not known yet; "data", its value goes to the data; "field", held; "passed", counted. */
type LineKind = "open" | "data" | "field" | "passed";

/**
 * Cut anywhere, also inside a line end. `retry` and comments are noise, and so is an event without data. An event of
 * more than `maxEventBytes` is lost as `line_too_long`.
 * Source: WHATWG HTML, 9.2.6.
 */
export class EventParser {
  readonly #maxEventBytes: number;
  readonly #taker: EventTaker;
  readonly #data: Pieces;
  /** The unfinished line, where its kind is "open" or "field". */
  readonly #line: Pieces;
  #lineKind: LineKind = "open";
  /** Bytes of the unfinished line that are in no item. */
  #lineBytes = 0;
  #isFirstLine = true;
  /** The last byte was a "\r": a "\n" belongs to its line end. */
  #afterCr = false;
  #lastLineIsData = false;
  #dataLines = 0;
  #dataBytes = 0;
  #dataEnd = 0;
  #name = "";
  #id: string | undefined;
  /** All is lost up to the next empty line. */
  #dropReason: LossReason | undefined;
  /** The next bytes are the first behind a hole. */
  #mayRestart = false;
  // where the next line ends are in the bytes of this `take`; −1: to be looked for
  #nextLf = -1;
  #nextCr = -1;

  constructor(maxEventBytes: number, held: HeldBytes, taker: EventTaker) {
    this.#maxEventBytes = maxEventBytes;
    this.#taker = taker;
    this.#data = new Pieces(held);
    this.#line = new Pieces(held);
  }

  get heldBytes(): number {
    return this.#data.capacity + this.#line.capacity;
  }

  /** `read[from, to)` goes on the stream; `position` is that of `read[0]`. */
  take(read: Buffer, from: number, to: number, position: number): void {
    if (from === to) return;
    // a line end is mostly what follows; else none is to be looked for, again and again, in what is not the stream's
    const isBounded = to === read.length || (read[to] === CR && read[to + 1] === LF);
    const bytes = isBounded ? read : read.subarray(0, to);
    if (this.#mayRestart) this.#tryRestart(bytes, from, to);
    let at = from;
    if (this.#afterCr && bytes[at] === LF) this.#endCrLf(position + ++at);
    this.#afterCr = false;
    this.#nextLf = -1;
    this.#nextCr = -1;
    while (at < to) {
      const end = this.#lineEnd(bytes, at, to);
      if (end === to) {
        this.#takePiece(bytes, at, to);
        return;
      }
      const next = bytes[end] === CR && end + 1 < to && bytes[end + 1] === LF ? end + 2 : end + 1;
      this.#takeLine(bytes, at, end, next - at, position + next);
      at = next;
    }
    this.#afterCr = bytes[to - 1] === CR;
  }

  /** Copies what is unfinished out of the bytes that were taken. */
  keep(): void {
    this.#data.keep();
    this.#line.keep();
  }

  /**
   * The current event is lost, and what follows up to an empty line. `isHole`: bytes are missing here, so what comes next
   * may as well begin an event.
   */
  cut(reason: LossReason, isHole: boolean): void {
    this.#loseEvent(reason);
    this.#dropReason = reason;
    this.#lineKind = "passed";
    this.#afterCr = false;
    this.#mayRestart = isHole;
  }

  /** The stream is over. An event without its empty line is none; of data, `reason` says why it is lost. */
  end(reason: LossReason): void {
    if (this.#dropReason !== undefined) this.#loseEvent(this.#dropReason);
    else if (this.#dataBytes > 0 || this.#lineKind === "data") this.#loseEvent(reason);
    this.#taker.noise(this.#lineBytes);
    this.#reset();
    this.#lineBytes = 0;
    this.#lineKind = "open";
    this.#line.clear();
    this.#afterCr = false;
    this.#mayRestart = false;
    this.#isFirstLine = true;
  }

  /** A server mostly writes an event at a time: where a field begins behind a hole, an event does. */
  #tryRestart(bytes: Buffer, from: number, to: number): void {
    this.#mayRestart = false;
    const start = bytes.toString("latin1", from, Math.min(to, from + TELLING));
    if (!/^(?:(?:id|data|event):|:)/.test(start)) return;
    this.#reset();
    this.#lineKind = "open";
  }

  /** Index of the next "\r" or "\n" in `bytes[at, to)`; `to`: there is none. Each is looked for once. */
  #lineEnd(bytes: Buffer, at: number, to: number): number {
    if (this.#nextLf < at) {
      const found = bytes.indexOf(LF, at);
      this.#nextLf = found < 0 ? Number.POSITIVE_INFINITY : found;
    }
    if (this.#nextCr < at) {
      const found = bytes.indexOf(CR, at);
      this.#nextCr = found < 0 ? Number.POSITIVE_INFINITY : found;
    }
    return Math.min(this.#nextLf, this.#nextCr, to);
  }

  /** The "\n" of a "\r\n" whose "\r" ended the line before. */
  #endCrLf(position: number): void {
    if (this.#dropReason !== undefined) this.#taker.lost(1, this.#dropReason);
    else if (this.#lastLineIsData && this.#dataBytes > 0) {
      this.#dataBytes += 1;
      this.#dataEnd = position;
    } else this.#taker.noise(1);
  }

  /** `bytes[from, to)` has no line end. */
  #takePiece(bytes: Buffer, from: number, to: number): void {
    if (this.#dropReason !== undefined) {
      this.#taker.lost(to - from, this.#dropReason);
      // the line is no empty one
      this.#lineKind = "passed";
      return;
    }
    this.#lineBytes += to - from;
    if (this.#lineKind === "data") this.#addData(bytes, from, to);
    else if (this.#lineKind === "passed") this.#passLine();
    else {
      this.#line.append(bytes, from, to);
      if (this.#lineKind === "open") this.#learnKind();
      else if (this.#line.length > MAX_FIELD) this.#passLine();
    }
  }

  #learnKind(): void {
    const line = this.#line.bytes();
    const start = this.#lineStart(line, 0, line.length);
    // a byte order mark may stand before it
    if (line.length < TELLING + start) return;
    if (startsWith(line, start, line.length, DATA) && line[start + 4] === COLON) {
      this.#lineKind = "data";
      this.#beginData();
      this.#addData(line, start + (line[start + 5] === SPACE ? 6 : 5), line.length);
      // what it was gathered in may be about to be cleared
      this.#data.keep();
      this.#line.clear();
    } else if (isField(line, start)) {
      this.#lineKind = "field";
      if (line.length > MAX_FIELD) this.#passLine();
    } else this.#passLine();
  }

  #passLine(): void {
    this.#lineKind = "passed";
    this.#line.clear();
    this.#taker.noise(this.#lineBytes);
    this.#lineBytes = 0;
  }

  /** `bytes[from, end)` is a line, or the rest of one; `size`: with its line end; `position`: behind that. */
  #takeLine(bytes: Buffer, from: number, end: number, size: number, position: number): void {
    if (this.#dropReason !== undefined) {
      const isEmpty = end === from && this.#lineKind === "open";
      this.#lineKind = "open";
      this.#isFirstLine = false;
      if (isEmpty) {
        this.#taker.noise(size);
        this.#reset();
      } else this.#taker.lost(size, this.#dropReason);
      return;
    }
    this.#lineBytes += size;
    const kind = this.#lineKind;
    if (kind === "data") {
      this.#addData(bytes, from, end);
      this.#endDataLine(position);
    } else if (kind === "passed") {
      this.#passLine();
      this.#lastLineIsData = false;
    } else if (this.#line.length > 0) {
      this.#line.append(bytes, from, end);
      const line = this.#line.bytes();
      this.#readLine(line, 0, line.length, position);
      this.#data.keep();
      this.#line.clear();
    } else this.#readLine(bytes, from, end, position);
    this.#lineKind = "open";
    this.#isFirstLine = false;
  }

  /** `line[from, to)` is a whole line, without its end. */
  #readLine(line: Buffer, from: number, to: number, position: number): void {
    const start = this.#lineStart(line, from, to);
    this.#lastLineIsData = false;
    if (start === to && start === from) {
      this.#dispatch();
      return;
    }
    if (startsWith(line, start, to, DATA)) {
      const after = start + 4;
      if (after === to || line[after] === COLON) {
        this.#beginData();
        this.#addData(line, valueStart(line, after, to), to);
        this.#endDataLine(position);
        return;
      }
    }
    if (isField(line, start) && to - from <= MAX_FIELD) this.#readField(line, start, to);
    this.#taker.noise(this.#lineBytes);
    this.#lineBytes = 0;
  }

  #readField(line: Buffer, from: number, to: number): void {
    const isEvent = line[from] === 0x65;
    const after = from + (isEvent ? EVENT.length : ID.length);
    if (!startsWith(line, from, to, isEvent ? EVENT : ID)) return;
    if (after !== to && line[after] !== COLON) return;
    const value = line.toString("utf8", valueStart(line, after, to), to);
    if (isEvent) this.#name = value.slice(0, MAX_NAME);
    else if (!value.includes("\0")) this.#id = value;
  }

  #lineStart(line: Buffer, from: number, to: number): number {
    return this.#isFirstLine && startsWith(line, from, to, BOM) ? from + BOM.length : from;
  }

  #beginData(): void {
    if (this.#dataLines > 0) this.#data.append(NEWLINE, 0, 1);
    this.#dataLines += 1;
  }

  #addData(bytes: Buffer, from: number, to: number): void {
    this.#data.append(bytes, from, to);
    if (this.#data.length <= this.#maxEventBytes) return;
    this.#loseEvent("line_too_long");
    this.#dropReason = "line_too_long";
    this.#lineKind = "passed";
  }

  #endDataLine(position: number): void {
    this.#dataBytes += this.#lineBytes;
    this.#lineBytes = 0;
    this.#dataEnd = position;
    this.#lastLineIsData = true;
  }

  #dispatch(): void {
    const empty = this.#lineBytes;
    this.#lineBytes = 0;
    // an event whose data is empty is none, whatever its id
    if (this.#data.length > 0) {
      this.#taker.event({
        name: this.#name,
        id: this.#id,
        data: this.#data.bytes(),
        bytes: this.#dataBytes,
        endPosition: this.#dataEnd,
      });
    } else this.#taker.noise(this.#dataBytes);
    this.#taker.noise(empty);
    this.#reset();
  }

  #loseEvent(reason: LossReason): void {
    this.#taker.lost(this.#dataBytes + this.#lineBytes, reason);
    this.#lineBytes = 0;
    this.#line.clear();
    this.#reset();
  }

  /** No event has begun. */
  #reset(): void {
    this.#data.clear();
    this.#dataLines = 0;
    this.#dataBytes = 0;
    this.#name = "";
    this.#id = undefined;
    this.#dropReason = undefined;
    this.#lastLineIsData = false;
  }
}

/** May be an `event` or `id` line. */
function isField(line: Buffer, at: number): boolean {
  return line[at] === 0x65 || line[at] === 0x69;
}

/** Behind the colon at `at`, and one space. */
function valueStart(line: Buffer, at: number, to: number): number {
  if (at >= to) return to;
  return line[at + 1] === SPACE && at + 1 < to ? at + 2 : at + 1;
}

function startsWith(line: Buffer, from: number, to: number, wanted: Buffer): boolean {
  if (to - from < wanted.length) return false;
  for (let i = 0; i < wanted.length; i++) if (line[from + i] !== wanted[i]) return false;
  return true;
}
