/** The write side of one channel: which write brought which bytes. */
import type { Process, WriteNote } from "../capture/types.ts";

interface Placed extends WriteNote {
  /** Position behind the write's last byte. */
  readonly end: number;
  readonly start: number;
}

// A reader that lags further behind than this many writes gets the last writer's name and no time.
const MAX_NOTES = 4096;

export class WriteNotes {
  #notes: Placed[] = [];
  #first = 0;
  /** Bytes that lay in the channel when it was found: written before the first note. */
  #ahead = 0;

  /** Bytes that lay in the channel before the first note, as far as is known. */
  get ahead(): number {
    return this.#ahead;
  }

  /** `written`: bytes of all writes so far, this one included. */
  add(writer: Process, timeNs: number, written: number, length: number): void {
    const end = written + this.#ahead;
    const last = this.#notes.at(-1);
    const note: Placed = { writer, timeNs, end, start: end - length };
    // two writers at a time may report in the other order
    if (last && last.end > end) this.#notes.splice(this.#place(end), 0, note);
    else this.#notes.push(note);
    if (this.#notes.length - this.#first > MAX_NOTES) this.#first += 1;
    if (this.#first > MAX_NOTES) this.#trim();
  }

  /** The write that brought the byte at `position`; writes before it are forgotten. */
  at(position: number): WriteNote | undefined {
    for (let i = this.#first; i < this.#notes.length; i++) {
      const note = this.#notes[i];
      if (!note || note.start > position) return undefined;
      if (note.end > position) return note;
      this.#first = i + 1;
      if (this.#first > MAX_NOTES) {
        this.#trim();
        i = -1;
      }
    }
    return undefined;
  }

  /** `bytes` lay in the channel before the first note. */
  shift(bytes: number): void {
    this.#ahead += bytes;
    this.#notes = [];
    this.#first = 0;
  }

  #place(end: number): number {
    let i = this.#notes.length;
    while (i > this.#first && (this.#notes[i - 1]?.end ?? 0) > end) i -= 1;
    return i;
  }

  #trim(): void {
    this.#notes = this.#notes.slice(this.#first);
    this.#first = 0;
  }
}
