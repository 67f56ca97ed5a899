/** Exchange items in, NDJSON lines in files out: names by date, rotation, reopening. */

import strftime from "strftime";
import type { Consumer } from "../delivery/types.ts";
import type { ExchangeItem, Summary } from "../exchange/types.ts";
import { OutputError } from "./errors.ts";
import type { LineOptions } from "./line-context.ts";
import { NdjsonRenderer } from "./ndjson-line.ts";
import { OutputFile } from "./output-file.ts";
import type { FileOwner } from "./owned-file.ts";
import { intervalOf, type RotationRule, removeFinished, shiftNumbered } from "./rotation.ts";
import { TextBuffer } from "./text-buffer.ts";

export interface NdjsonFileOptions extends LineOptions {
  /** Path with strftime(3) conversions, expanded in local time whenever a file is opened. */
  readonly pattern: string;
  readonly rotation: RotationRule;
  /** Whom a new file is given to; undefined: it stays with the caller. */
  readonly owner: FileOwner | undefined;
  /** The wall clock, for names and for rotation by age. */
  readonly now: () => Date;
}

/**
 * Lines are whole in every file and in order across files; every batch is with the kernel when `write`
 * returns. A full disk throws OutputError; what was written until then stays, as whole lines.
 * The constructor throws OutputError when the first file cannot be opened.
 */
export class NdjsonFile implements Consumer {
  readonly #options: NdjsonFileOptions;
  readonly #renderer: NdjsonRenderer;
  /** Rendered and not in the file yet; empty between calls. */
  readonly #texts = new TextBuffer();
  /** Finished files of this run with names of their own, oldest first. */
  readonly #finished: string[] = [];
  #file: OutputFile;
  #interval: number;

  constructor(options: NdjsonFileOptions) {
    this.#options = options;
    this.#renderer = new NdjsonRenderer(options);
    this.#interval = intervalOf(options.rotation, options.now());
    this.#file = this.#open();
  }

  /** The file that is written to now. */
  get path(): string {
    return this.#file.path;
  }

  /** Fails by rejection, never by a throw: a caller that awaits later sees both sinks' errors alike. */
  write(items: readonly ExchangeItem[]): void | Promise<void> {
    if (items.length === 0) return;
    try {
      this.#append(items);
    } catch (error) {
      this.#texts.clear();
      return Promise.reject(error);
    }
  }

  async flush(): Promise<void> {}

  async reopen(): Promise<void> {
    // the old one stays until there is another
    const opened = this.#open();
    this.#file.close();
    this.#file = opened;
  }

  async close(summary: Summary): Promise<void> {
    try {
      this.#texts.add([this.#renderer.summary(summary), "\n"]);
      this.#writeOut();
    } finally {
      this.#file.close();
    }
  }

  #append(items: readonly ExchangeItem[]): void {
    const { rotation } = this.#options;
    if (rotation.intervalMs !== undefined) this.#rotateByAge();
    if (rotation.bytes !== undefined) {
      this.#appendCounted(items, rotation.bytes);
      return;
    }
    this.#texts.add(this.#renderer.chunks(items));
    this.#writeOut();
  }

  /** As above, with the bytes of each line counted so that a file ends before the limit. */
  #appendCounted(items: readonly ExchangeItem[], limit: number): void {
    let size = this.#file.size;
    for (const item of items) {
      const line = this.#renderer.render(item);
      const pieces = typeof line === "string" ? [line, "\n"] : [...line, "\n"];
      const bytes = pieces.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0);
      if (size > 0 && size + bytes > limit) {
        this.#writeOut();
        this.#rotate();
        size = this.#file.size;
      }
      this.#texts.add(pieces);
      size += bytes;
      if (this.#texts.hasMore) this.#writeOut();
    }
    this.#writeOut();
  }

  #writeOut(): void {
    for (let bytes = this.#texts.take(); bytes.length > 0; bytes = this.#texts.take()) {
      this.#file.append(bytes);
    }
  }

  /** An empty file is as good as a new one and stays. */
  #rotateByAge(): void {
    const interval = intervalOf(this.#options.rotation, this.#options.now());
    if (interval === this.#interval) return;
    this.#interval = interval;
    if (this.#file.size > 0) this.#rotate();
  }

  #rotate(): void {
    const { keep } = this.#options.rotation;
    const finished = this.#file.path;
    this.#file.close();
    if (this.#path() === finished) {
      shiftNumbered(finished, keep);
    } else {
      this.#finished.push(finished);
      while (keep !== undefined && this.#finished.length > keep) {
        const oldest = this.#finished.shift();
        if (oldest !== undefined) removeFinished(oldest);
      }
    }
    this.#file = this.#open();
  }

  #path(): string {
    return strftime(this.#options.pattern, this.#options.now());
  }

  #open(): OutputFile {
    const path = this.#path();
    if (path === "" || path.includes("\0")) {
      throw new OutputError(`Cannot open "${path.replaceAll("\0", "\\0")}": no file name`, {
        path,
        hint: "give -o the name of a file",
      });
    }
    const file = new OutputFile(path, this.#options.owner);
    const { bytes, intervalMs } = this.#options.rotation;
    if (file.isRegular || (bytes === undefined && intervalMs === undefined)) return file;
    // renamed like a file, /dev/null would be gone for the whole host
    file.close();
    throw new OutputError(`Cannot rotate "${path}": is no regular file, one wanted`, {
      path,
      hint: "leave --rotate away, or name a file",
    });
  }
}
