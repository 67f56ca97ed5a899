/** Pieces of lines that are no messages in, how many bytes they are and what they say out. */
import type { Channel } from "../../capture/types.ts";
import { VERSION_KEY } from "../../json-grammar.ts";
import type { Noise } from "../types.ts";

/** Of a line, what is kept to be shown. */
const HEAD_BYTES = 200;
/** So much of what stands before a message on its line. */
const BEFORE_BYTES = 80;

export class LineNoise {
  #bytes = 0;
  #lines = 0;
  #head: string | undefined;
  #holdsMessage = false;
  /** Where in the buffer the next version key stands; it is looked for once. */
  #keyAt = -1;

  /** The pieces that follow are of another buffer. */
  startBuffer(): void {
    this.#keyAt = -1;
  }

  /** So many bytes of noise; what they say is taken apart from them. */
  count(bytes: number): void {
    this.#bytes += bytes;
  }

  /** `bytes[from, to)` is a line, or a part of one. */
  read(bytes: Buffer, from: number, to: number, isStart: boolean): void {
    const start = skipBlanks(bytes, from, to);
    if (start === to) return;
    if (isStart) this.#lines++;
    const keyAt = this.#findKey(bytes, from);
    if (keyAt < to && !this.#holdsMessage) {
      this.#holdsMessage = true;
      const shownFrom = Math.max(start, keyAt - BEFORE_BYTES);
      this.#head = (shownFrom > start ? "…" : "") + headOf(bytes, shownFrom, to);
    } else this.#head ??= headOf(bytes, start, to);
  }

  /** What has come since the last call; undefined: nothing. */
  take(channel: Channel, timeNs: number): Noise | undefined {
    const bytes = this.#bytes;
    if (bytes === 0) return undefined;
    const head = this.#head;
    const lines = this.#lines;
    const holdsMessage = this.#holdsMessage;
    this.#bytes = 0;
    this.#lines = 0;
    this.#head = undefined;
    this.#holdsMessage = false;
    if (head === undefined) return { kind: "noise", channel, bytes, of: "text" };
    const text = { head, lines, holdsMessage, timeNs };
    return { kind: "noise", channel, bytes, of: "text", text };
  }

  #findKey(bytes: Buffer, from: number): number {
    if (this.#keyAt >= from) return this.#keyAt;
    const at = bytes.indexOf(VERSION_KEY, from);
    this.#keyAt = at < 0 ? Number.POSITIVE_INFINITY : at;
    return this.#keyAt;
  }
}

function skipBlanks(bytes: Buffer, from: number, to: number): number {
  let at = from;
  while (at < to && (bytes[at] ?? 0) <= 0x20) at++;
  return at;
}

function headOf(bytes: Buffer, from: number, to: number): string {
  const end = Math.min(to, from + HEAD_BYTES);
  const text = bytes.toString("utf8", from, end).trimEnd();
  // the cut may go through a character
  return end < to ? `${text.replace(/\ufffd+$/, "")}…` : text;
}
