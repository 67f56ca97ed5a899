/** Exchange items in, NDJSON lines on a stream (standard output, a pipe) out. */
import type { Consumer } from "../delivery/types.ts";
import type { ExchangeItem, Summary } from "../exchange/types.ts";
import { FdWriter } from "./fd-writer.ts";
import type { LineOptions } from "./line-context.ts";
import { NdjsonRenderer } from "./ndjson-line.ts";

export interface NdjsonStreamOptions extends LineOptions {
  /** Open for writing; 1 is standard output. It is not closed. */
  readonly fd: number;
  /** How messages call it, e.g. "standard output". */
  readonly name: string;
}

/** Rejects with ReaderGone when the reader has gone, with OutputError when writing fails otherwise. */
export class NdjsonStream implements Consumer {
  readonly #writer: FdWriter;
  readonly #renderer: NdjsonRenderer;

  constructor(options: NdjsonStreamOptions) {
    this.#writer = new FdWriter(options.fd, options.name);
    this.#renderer = new NdjsonRenderer(options);
  }

  write(items: readonly ExchangeItem[]): void | Promise<void> {
    return this.#writer.write(this.#renderer.chunks(items));
  }

  /** True when nobody can read the next line; cheap enough to ask a few times a second. */
  readerGone(): boolean {
    return this.#writer.readerGone();
  }

  get written(): number {
    return this.#writer.written;
  }

  flush(): Promise<void> {
    return this.#writer.flush();
  }

  /** A stream has no name to open anew. */
  async reopen(): Promise<void> {}

  async close(summary: Summary): Promise<void> {
    // a failure is kept: end tells it
    void this.#writer.write([`${this.#renderer.summary(summary)}\n`])?.catch(() => undefined);
    await this.#writer.end();
  }
}
