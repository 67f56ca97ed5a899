/** One run of the live capture: the loop between the kernel's rooms and the outputs, until something ends it. */
import type { ListenOptions } from "../cli/types.ts";
import type { Outputs } from "../delivery/outputs.ts";
import { waitPatiently } from "../delivery/patience.ts";
import { SummaryCollector } from "../exchange/summary.ts";
import type { ExchangeItem, Summary } from "../exchange/types.ts";
import { OutputError, ReaderGone } from "../sinks/errors.ts";
import type { BootClock } from "./clock.ts";
import { Collector } from "./collector.ts";
import type { Discovery } from "./discover.ts";
import { type HeardKernel, Hearing } from "./hearing.ts";
import { Loop } from "./loop.ts";
import { Niceness } from "./niceness.ts";
import { ReaderWatch } from "./reader-watch.ts";
import { type RecordRing, Records } from "./records.ts";
import { type Waiting, Wake } from "./wake.ts";

export interface SessionParts {
  readonly kernel: HeardKernel & {
    readonly ring: RecordRing & Waiting & { readonly size: number };
  };
  readonly options: ListenOptions;
  readonly outputs: Outputs;
  readonly clock: BootClock;
  readonly filtering: boolean;
  /** True when nobody can read standard output any more. */
  readonly isReaderGone: () => boolean;
}

export class LiveSession {
  readonly #parts: SessionParts;
  readonly #hearing: Hearing;
  readonly #summary: SummaryCollector;
  readonly #collector = new Collector();
  readonly #wake: Wake;
  readonly #loop: Loop;
  readonly #stopped = Promise.withResolvers<void>();
  #endedBy: string | undefined;
  /** The first output that failed. */
  #failure: OutputError | undefined;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    const { kernel, options, clock, filtering } = parts;
    const startNs = clock.nowNs();
    const nowNs = () => clock.nowNs();
    const records = new Records(kernel.ring);
    const isQuiet = () => records.isQuiet;
    const onFrame = this.#collector.framed;
    this.#hearing = new Hearing({ kernel, options, filtering, isQuiet, nowNs, startNs, onFrame });
    const { rooms, subjects } = this.#hearing;
    const watch = new ReaderWatch(parts.isReaderGone, () => this.stop("reader_gone"));
    this.#wake = new Wake(kernel.ring);
    this.#loop = new Loop({
      records,
      rooms,
      subjects: [...subjects, watch, clock],
      wake: this.#wake,
      niceness: new Niceness(kernel.ring.size),
      nowNs,
      write: (items, count) => this.#write(items, count),
    });
    const showsConnections = parts.options.outputs.kinds.includes("connection");
    const run = { startNs, replay: false, showsConnections };
    this.#summary = new SummaryCollector(rooms.exchange, run);
  }

  /** Ends the run after what is in the ring has been written. */
  stop(endedBy: string): void {
    this.#endedBy ??= endedBy;
    this.#stopped.resolve();
    this.#loop.stop();
  }

  async reopen(): Promise<void> {
    await this.#parts.outputs.reopen();
  }

  /** Learns what was there before; call once. */
  discover(discovery: Discovery): void {
    this.#hearing.discover(discovery);
  }

  /** Looks for TLS libraries. `command`: one that is about to be started. */
  listenToTls(command?: string): void {
    this.#hearing.listenToTls(command);
  }

  /** Runs until stopped. @throws OutputError */
  async run(): Promise<Summary> {
    try {
      await this.#loop.run(this.#parts.options.durationMs ?? Number.POSITIVE_INFINITY);
    } catch (error) {
      this.#note(error);
      this.stop(this.#failure === undefined ? "reader_gone" : "output_failed");
    }
    this.#wake[Symbol.dispose]();
    const summary = await this.#finish();
    // the outputs that still work have a summary by now
    if (this.#failure !== undefined) throw this.#failure;
    return summary;
  }

  async #write(items: readonly ExchangeItem[], records: number): Promise<void> {
    if (items.length > 0) {
      this.#summary.observe(items);
      const wait = this.#parts.outputs.write(items);
      if (wait !== undefined) await this.#waitFor(wait);
      if (this.#parts.outputs.full) this.stop("max_messages");
    }
    this.#collector.note(records, items);
  }

  /** @throws OutputError */
  #waitFor(output: Promise<void>): Promise<void> {
    return waitPatiently(output, this.#stopped.promise, () => this.#parts.outputs.streamed);
  }

  /** An output that fails, or whose reader has gone, keeps nothing from the others. */
  readonly #note = (error: unknown): void => {
    if (error instanceof OutputError) this.#failure ??= error;
    else if (!(error instanceof ReaderGone)) throw error;
  };

  readonly #writeLast = async (items: readonly ExchangeItem[], records: number): Promise<void> => {
    await this.#write(items, records).catch(this.#note);
  };

  async #finish(): Promise<Summary> {
    // nothing new from here on: what was read until now is in the ring or counted as lost
    this.#hearing.detach();
    await this.#loop.drain(this.#writeLast);
    const nowNs = this.#parts.clock.nowNs();
    this.#hearing.end(nowNs);
    await this.#writeLast([...this.#hearing.rooms.take(), ...this.#hearing.missing(nowNs)], 0);
    const facts = this.#hearing.facts();
    const summary = this.#summary.make(facts, this.#endedBy ?? "signal", nowNs);
    await this.#waitFor(this.#parts.outputs.close(summary)).catch(this.#note);
    return summary;
  }
}
