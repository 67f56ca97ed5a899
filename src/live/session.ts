/** One run of the live capture: drains the ring through the rooms into the outputs, until something ends it. */
import { isReaderGone } from "../../ffi/host.ts";
import { findCgroupPath } from "../capture/cgroups.ts";
import { Decoder } from "../capture/decode.ts";
import type { Holder } from "../capture/holders.ts";
import type { Kernel } from "../capture/kernel.ts";
import { readCgroup, readProcess } from "../capture/proc.ts";
import { ProcessTable } from "../capture/process-table.ts";
import type { Channel, KernelEvent } from "../capture/types.ts";
import type { Outputs } from "../cli/open-sinks.ts";
import type { ListenOptions } from "../cli/types.ts";
import { SummaryCollector } from "../exchange/summary.ts";
import type { ExchangeItem, Summary } from "../exchange/types.ts";
import { OutputError, ReaderGone } from "../sinks/errors.ts";
import { ChannelState } from "../stream/channel-state.ts";
import type { BootClock } from "./clock.ts";
import { Closer } from "./closer.ts";
import { Collector } from "./collector.ts";
import { captureFacts, missingParts } from "./facts.ts";
import { findChannels } from "./find-channels.ts";
import { isWantedContainer } from "./follow.ts";
import { Inquiry } from "./inquiry.ts";
import { waitPatiently } from "./patience.ts";
import { Pipeline } from "./pipeline.ts";
import { SetAside } from "./set-aside.ts";
import { TwinWatch } from "./twin.ts";
import { Wake } from "./wake.ts";

const BATCH_BYTES = 1 << 20;
const TICK_MS = 200;
/** When nothing was written for a while; a reader of the output that goes is noticed within it. */
const IDLE_TICK_MS = 1000;
const LIVELY_MS = 2000;
/** How long frames wait for their writers' notes (framing/sender.ts), and then some. */
const HOLD_MS = 3;
/** At the end, how long a record may be unfinished: its writer was preempted. */
const UNFINISHED_MS = 10_000;
const SLOW_CHECK_NS = 2_000_000_000;

export class LiveSession {
  readonly #kernel: Kernel;
  readonly #options: ListenOptions;
  readonly #outputs: Outputs;
  readonly #clock: BootClock;
  readonly #wake: Wake;
  readonly #decoder: Decoder;
  readonly #pipeline: Pipeline;
  readonly #closer: Closer;
  readonly #summary: SummaryCollector;
  readonly #twin: TwinWatch;
  readonly #collector = new Collector();
  readonly #processes = new ProcessTable(readProcess, findCgroupPath);
  readonly #aside: SetAside;
  readonly #inquiry: Inquiry;
  readonly #startNs: number;
  readonly #stopped = Promise.withResolvers<void>();
  #endedBy: string | undefined;
  #lastTickNs = 0;
  #lastCheckNs = 0;
  #ringFull = 0;
  #ended = 0;
  #yieldAt = 0;
  #livelyAt = 0;
  /** The first output that failed. */
  #failure: OutputError | undefined;
  /** Decoded since the last write. */
  #records = 0;

  constructor(parts: {
    kernel: Kernel;
    options: ListenOptions;
    outputs: Outputs;
    clock: BootClock;
    filtering: boolean;
  }) {
    this.#kernel = parts.kernel;
    this.#options = parts.options;
    this.#outputs = parts.outputs;
    this.#clock = parts.clock;
    this.#startNs = parts.clock.nowNs();
    this.#wake = new Wake(parts.kernel.ring);
    this.#twin = new TwinWatch(parts.kernel);
    this.#aside = new SetAside(parts.kernel);
    this.#inquiry = new Inquiry(parts.kernel, this.#processes, () => parts.clock.nowNs());
    this.#decoder = new Decoder(parts.kernel.ring.view, parts.kernel.ring.bytes);
    this.#pipeline = new Pipeline({
      processes: this.#processes,
      sources: {
        holders: (channel) => this.#inquiry.writerOf(channel),
        lastWord: (channel) => this.#closer.lastWord(channel),
      },
      allJsonrpc: parts.options.allJsonrpc,
      listenNs: this.#startNs,
      maxLineBytes: parts.options.maxMessageBytes,
      isHeard: parts.filtering ? (channel) => this.#inquiry.isWanted(channel) : () => true,
      onSetAside: (channel) => this.#setAside(channel),
    });
    this.#closer = new Closer({
      entries: parts.kernel.entries,
      scan: () => parts.kernel.scan(),
      channels: () => this.#pipeline.stream.channels,
      push: (event) => this.#pipeline.push(event),
      isQuiet: () => this.#kernel.ring.pending() === 0,
      processes: this.#processes,
      hasSkips: () => this.#kernel.maySkip(),
    });
    this.#summary = new SummaryCollector(this.#pipeline.exchange, {
      startNs: this.#startNs,
      replay: false,
    });
  }

  /** Ends the run after what is in the ring has been written. */
  stop(endedBy: string): void {
    this.#endedBy ??= endedBy;
    this.#stopped.resolve();
    this.#wake.poke();
  }

  async reopen(): Promise<void> {
    await this.#outputs.reopen();
  }

  /** Learns what was there before; call once, with a scan made right after attaching. `halfWritten`: addresses of channels
   * that somebody is inside a write of. */
  discover(holders: readonly Holder[], halfWritten: ReadonlySet<number>): void {
    const own = holders.filter((each) => each.pid === process.pid && each.mayWrite);
    // nothing is written there: it is the command's alone, whose answers are to be heard
    const unused = this.#options.outputs.stdout === "none" ? 1 : -1;
    const inherited = own.find((each) => each.fd === unused)?.channel;
    for (const { kind, channel, generation } of own) {
      if (kind === "pipe" && channel !== inherited) this.#kernel.ignore(channel, generation, true);
    }
    const others = holders.filter((each) => each.pid !== process.pid);
    for (const found of findChannels(others, this.#processes)) this.#pipeline.push(found);
    for (const address of halfWritten) this.#pipeline.stream.channels.get(address)?.losePlaces();
  }

  /** Runs until stopped. @throws OutputError */
  async run(): Promise<Summary> {
    try {
      while (this.#endedBy === undefined) {
        const drained = this.#drain();
        await this.#write(this.#pipeline.take());
        if (drained === 0) await this.#rest();
        else if (performance.now() > this.#yieldAt) await this.#yield();
      }
    } catch (error) {
      this.#note(error);
      this.stop(this.#failure === undefined ? "reader_gone" : "output_failed");
    }
    const summary = await this.#finish();
    // the outputs that still work have a summary by now
    if (this.#failure !== undefined) throw this.#failure;
    return summary;
  }

  /** Lets signals, timers and outputs in during a long burst. */
  async #yield(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#tickIfDue();
    this.#yieldAt = performance.now() + 20;
  }

  #drain(): number {
    const ring = this.#kernel.ring;
    const length = ring.acquire(BATCH_BYTES);
    if (length === 0) return 0;
    this.#records += this.#decoder.decode(ring.start, length, this.#onEvent);
    ring.release();
    return length;
  }

  readonly #onEvent = (event: KernelEvent): void => {
    this.#pipeline.push(event);
    if (event.kind === "data" || event.kind === "note") return;
    this.#closer.observe(event);
    if (event.kind === "exec") this.#followContainer(event.pid);
  };

  /** The ring is empty: things that need no hurry. */
  async #rest(): Promise<void> {
    this.#tickIfDue();
    const full = this.#kernel.ringFullCount();
    if (full !== this.#ringFull && this.#closer.catchUp(this.#clock.nowNs())) this.#ringFull = full;
    await this.#write(this.#pipeline.take());
    if (this.#endedBy !== undefined) return;
    await this.#wake.wait(this.#restMs());
    if (this.#pipeline.isHolding) this.#tick(this.#clock.nowNs());
  }

  #restMs(): number {
    if (this.#pipeline.isHolding) return HOLD_MS;
    if (performance.now() - this.#livelyAt < LIVELY_MS) return TICK_MS;
    const dueMs = (this.#closer.scanDueNs - this.#clock.nowNs()) / 1e6;
    return Math.min(Math.max(TICK_MS, dueMs), IDLE_TICK_MS);
  }

  /** Time passes no further than what was heard: else frames give up on notes that are in the ring already. */
  #tick(timeNs: number): void {
    if (this.#kernel.ring.pending() === 0) this.#pipeline.push({ kind: "tick", timeNs });
  }

  #tickIfDue(): void {
    const nowNs = this.#clock.nowNs();
    if (nowNs - this.#lastTickNs < TICK_MS * 1e6) return;
    this.#lastTickNs = nowNs;
    this.#tick(nowNs);
    this.#closer.closeUnheld(nowNs);
    const ended = this.#kernel.endedCount();
    if (ended !== this.#ended && this.#closer.closeEnded(nowNs)) this.#ended = ended;
    // FFI's poll sees sockets, too
    const isShown = this.#options.outputs.stdout !== "none";
    if (isShown && (isReaderGone(1) || this.#outputs.readerGone())) this.stop("reader_gone");
    if (nowNs - this.#lastCheckNs < SLOW_CHECK_NS) return;
    this.#lastCheckNs = nowNs;
    this.#checkSlowly(nowNs);
  }

  #checkSlowly(nowNs: number): void {
    this.#clock.adjust();
    this.#kernel.releaseBlocked();
    this.#aside.retry(nowNs);
    this.#twin.check();
  }

  async #write(items: readonly ExchangeItem[]): Promise<void> {
    if (items.length > 0) {
      this.#livelyAt = performance.now();
      this.#summary.observe(items);
      const wait = this.#outputs.write(items);
      if (wait !== undefined) await this.#waitFor(wait);
      if (this.#outputs.full) this.stop("max_messages");
    }
    this.#collector.note(this.#records, items);
    this.#records = 0;
  }

  /** @throws OutputError */
  #waitFor(output: Promise<void>): Promise<void> {
    return waitPatiently(output, this.#stopped.promise, () => this.#outputs.streamed);
  }

  /** An output that fails, or whose reader has gone, keeps nothing from the others. */
  readonly #note = (error: unknown): void => {
    if (error instanceof OutputError) this.#failure ??= error;
    else if (!(error instanceof ReaderGone)) throw error;
  };

  async #writeLast(items: readonly ExchangeItem[]): Promise<void> {
    await this.#write(items).catch(this.#note);
  }

  async #finish(): Promise<Summary> {
    // nothing new from here on: what was read until now is in the ring or counted as lost
    this.#kernel.detach();
    let deadline = performance.now() + UNFINISHED_MS;
    while (this.#kernel.ring.pending() > 0 && performance.now() < deadline) {
      const drained = this.#drain();
      if (drained > 0) {
        await this.#writeLast(this.#pipeline.take());
        deadline = performance.now() + UNFINISHED_MS;
      }
      // signals are heard meanwhile, and an unfinished record gets time
      await Bun.sleep(drained === 0 ? 1 : 0);
    }
    const nowNs = this.#clock.nowNs();
    this.#closer.closeUnheld(nowNs, true);
    this.#closer.giveUp(nowNs);
    this.#closer.countMissed();
    this.#pipeline.end();
    const last = [...this.#pipeline.take(), ...missingParts(this.#kernel, nowNs)];
    await this.#writeLast(last);
    const { stream } = this.#pipeline;
    const facts = captureFacts(this.#kernel, stream, this.#closer.missedBytes);
    const summary = this.#summary.make(facts, this.#endedBy ?? "signal", nowNs);
    await this.#waitFor(this.#outputs.close(summary)).catch(this.#note);
    return summary;
  }

  #setAside(channel: Channel): void {
    if (channel instanceof ChannelState) this.#aside.add(channel, this.#lastTickNs);
  }

  /** Containers that start later are known by their first exec. */
  #followContainer(pid: number): void {
    const { containers } = this.#options.filters;
    if (containers.length === 0) return;
    if (isWantedContainer(readCgroup(pid), containers)) this.#kernel.follow(pid);
  }
}
