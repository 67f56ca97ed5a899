/** Exchange items in, the console view out: one line each, and the summary as a block at the end. */
import type { Consumer } from "../delivery/types.ts";
import type { ExchangeItem, Summary } from "../exchange/types.ts";
import { type ConsoleLineOptions, ConsoleLineRenderer } from "./console-line.ts";
import { renderConsoleSummary } from "./console-summary.ts";
import { FdWriter } from "./fd-writer.ts";
import { formatCount } from "./quantity.ts";

export interface ConsoleOptions extends ConsoleLineOptions {
  /** Open for writing; 1 is standard output. It is not closed. */
  readonly fd: number;
  /** How messages call it, e.g. "standard output". */
  readonly name: string;
  /**
   * UTF-8 bytes that may wait to be written. Nobody waits for it then: what finds no room is passed over, and counted
   * (delivery/types.ts). undefined: it misses nothing.
   */
  readonly maxWaitingBytes: number | undefined;
}

/** Rejects with ReaderGone when the terminal or pager has gone, with OutputError when writing fails otherwise. */
export class Console implements Consumer {
  readonly #options: ConsoleOptions;
  readonly #writer: FdWriter;
  readonly #renderer: ConsoleLineRenderer;
  /** UTF-8 bytes that the writer was given. */
  #given = 0;
  #passedOver = 0;

  constructor(options: ConsoleOptions) {
    this.#options = options;
    this.#writer = new FdWriter(options.fd, options.name);
    this.#renderer = new ConsoleLineRenderer(options);
  }

  write(items: readonly ExchangeItem[]): void | Promise<void> {
    const { maxWaitingBytes } = this.#options;
    if (maxWaitingBytes === undefined) return this.#writer.write([this.#render(items)]);
    if (this.#given - this.#writer.written <= maxWaitingBytes) return this.#writeUnwaited(items);
    this.#passedOver += items.length;
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
    const { colors, quiet, redactor } = this.#options;
    const mask = (text: string) => redactor?.text(text) ?? text;
    const columns = this.#options.columns();
    const text = renderConsoleSummary(summary, { colors, mask, quiet, columns });
    // a failure is kept: end tells it
    void this.#writer.write([this.#gap() + text])?.catch(() => undefined);
    await this.#writer.end();
  }

  #render(items: readonly ExchangeItem[]): string {
    let text = "";
    for (const item of items) text += this.#renderer.render(item);
    return text;
  }

  #writeUnwaited(items: readonly ExchangeItem[]): void | Promise<void> {
    const text = this.#gap() + this.#render(items);
    this.#given += Buffer.byteLength(text);
    const wait = this.#writer.write([text]);
    if (this.#writer.hasFailed) return wait;
    // a failure is kept: the next write tells it
    void wait?.catch(() => undefined);
  }

  /** Says what was passed over, once. */
  #gap(): string {
    if (this.#passedOver === 0) return "";
    const count = formatCount(this.#passedOver);
    this.#passedOver = 0;
    return `… ${count} lines not shown: the terminal took none for too long\n`;
  }
}
