/** Texts in, their UTF-8 bytes in memory that is used again and again out. */
import { cut } from "./long-text.ts";

const CAPACITY = 1 << 19;
/** A UTF-16 unit takes three bytes at most: a text of so many always fits into an empty buffer. */
const MAX_CHARS = Math.floor(CAPACITY / 3);

/**
 * Each text is encoded once, to where write(2) takes it from: joined texts and a new buffer for every write would be
 * garbage of twice their size. Two buffers: one is filled while the other is written.
 */
export class TextBuffer {
  readonly #sources: Iterator<string>[] = [];
  #filling = Buffer.allocUnsafeSlow(CAPACITY);
  #taken = Buffer.allocUnsafeSlow(CAPACITY);
  #length = 0;
  /** Taken from the first source; there was no room for it. */
  #next = "";

  /** Texts behind those of before. Each is asked for when there may be room for it. */
  add(texts: Iterable<string>): void {
    this.#sources.push(short(texts));
    this.#fill();
  }

  /** More texts than there was room for. */
  get hasMore(): boolean {
    return this.#sources.length > 0;
  }

  /** The next bytes; empty: there are none. Valid until the next `take`. */
  take(): Buffer {
    const bytes = this.#filling.subarray(0, this.#length);
    [this.#filling, this.#taken] = [this.#taken, this.#filling];
    this.#length = 0;
    this.#fill();
    return bytes;
  }

  /** Forgets all that was not taken. */
  clear(): void {
    this.#sources.length = 0;
    this.#length = 0;
    this.#next = "";
  }

  #fill(): void {
    for (let source = this.#sources[0]; source !== undefined; source = this.#sources[0]) {
      if (!this.#fillFrom(source)) return;
      this.#sources.shift();
    }
  }

  /** True when the source has given all. */
  #fillFrom(source: Iterator<string>): boolean {
    for (;;) {
      if (!this.#append(this.#next)) return false;
      this.#next = "";
      const text = source.next();
      if (text.done === true) return true;
      this.#next = text.value;
    }
  }

  #append(text: string): boolean {
    const room = CAPACITY - this.#length;
    if (text.length * 3 > room && Buffer.byteLength(text) > room) return false;
    this.#length += this.#filling.write(text, this.#length);
    return true;
  }
}

/** The same, none longer than MAX_CHARS. */
function* short(texts: Iterable<string>): Generator<string> {
  for (const text of texts) {
    if (text.length <= MAX_CHARS) yield text;
    else yield* cut(text, MAX_CHARS);
  }
}
