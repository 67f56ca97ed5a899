/** Records in, through the rooms, to whoever writes; between batches the subjects do their chores, and the loop waits. */
import type { KernelEvent } from "../capture/types.ts";
import type { ExchangeItem } from "../exchange/types.ts";
import type { Niceness } from "./niceness.ts";
import type { Pipeline } from "./pipeline.ts";
import type { Batch, Records } from "./records.ts";
import type { Subject } from "./subject.ts";
import type { Wake } from "./wake.ts";

/** After a batch of no more than this the rest of the ring can wait a moment. */
const FEW_BYTES = 1 << 18;
const TICK_MS = 200;
/** While much comes, what takes long is done so seldom: else the ring fills meanwhile. */
const CROWDED_NS = 200_000_000;
/** When nothing was written for a while; a reader of the output that goes is noticed within it. */
const IDLE_TICK_MS = 1000;
const LIVELY_MS = 2000;
/** How long frames wait for their writers' notes (framing/sender.ts), and then some. */
const HOLD_MS = 3;
/** At the end, how long a record may be unfinished: its writer was preempted. */
const UNFINISHED_MS = 10_000;

export interface LoopParts {
  readonly records: Pick<Records, "drain" | "isQuiet">;
  readonly rooms: Pick<Pipeline, "push" | "take" | "isHolding">;
  readonly subjects: readonly Subject[];
  readonly wake: Pick<Wake, "heard" | "wait" | "breathe" | "poke">;
  readonly niceness: Pick<Niceness, "begin" | "taken" | "end">;
  /** CLOCK_BOOTTIME. */
  readonly nowNs: () => number;
  /** Called after every batch, with no items where nothing became of it; what it rejects with ends the loop. */
  readonly write: (items: readonly ExchangeItem[], records: number) => Promise<void>;
}

/** A subject's chores, and when they are next. */
interface Turn {
  readonly subject: Subject;
  lastNs: number;
}

export class Loop {
  readonly #parts: LoopParts;
  readonly #observers: readonly Subject[];
  readonly #turns: readonly Turn[];
  #isStopped = false;
  #nextTickNs = 0;
  #livelyAt = 0;
  /** Decoded since the last write. */
  #records = 0;
  /** When a timer wants to be let in. */
  #endsAt = Number.POSITIVE_INFINITY;

  constructor(parts: LoopParts) {
    this.#parts = parts;
    this.#observers = parts.subjects.filter(({ observe }) => observe !== undefined);
    this.#turns = parts.subjects
      .filter(({ chores }) => chores !== undefined)
      .map((subject) => ({ subject, lastNs: 0 }));
  }

  /** What is in the ring by then is left there (`drain`). */
  stop(): void {
    this.#isStopped = true;
    this.#parts.wake.poke();
  }

  /** Until stopped; timers are let in after `mostMs`. */
  async run(mostMs: number): Promise<void> {
    const { niceness } = this.#parts;
    this.#endsAt = performance.now() + mostMs;
    niceness.begin();
    try {
      while (!this.#isStopped) await this.#turn();
    } finally {
      niceness.end();
    }
  }

  /** After the run: takes what is left, when nothing new comes. */
  async drain(write: LoopParts["write"]): Promise<void> {
    const { records } = this.#parts;
    let deadline = performance.now() + UNFINISHED_MS;
    while (!records.isQuiet && performance.now() < deadline) {
      const { bytes } = this.#drainBatch();
      if (bytes > 0) {
        await this.#write(write);
        deadline = performance.now() + UNFINISHED_MS;
      }
      // signals are heard meanwhile, and an unfinished record gets time
      await Bun.sleep(bytes === 0 ? 1 : 0);
    }
  }

  async #turn(): Promise<void> {
    const { bytes } = this.#drainBatch();
    await this.#write();
    if (bytes < FEW_BYTES) await this.#rest();
    else {
      await this.#parts.wake.breathe();
      this.#work(CROWDED_NS);
    }
  }

  #drainBatch(): Batch {
    const batch = this.#parts.records.drain(this.#onBatch, this.#onEvent);
    this.#records += batch.records;
    return batch;
  }

  readonly #onBatch = (bytes: number): void => {
    this.#parts.wake.heard();
    this.#parts.niceness.taken(bytes);
  };

  readonly #onEvent = (event: KernelEvent): void => {
    this.#parts.rooms.push(event);
    if (event.kind === "data" || event.kind === "note") return;
    for (const subject of this.#observers) subject.observe?.(event);
  };

  async #write(write = this.#parts.write): Promise<void> {
    const items = this.#parts.rooms.take();
    if (items.length > 0) this.#livelyAt = performance.now();
    const records = this.#records;
    this.#records = 0;
    await write(items, records);
  }

  /** The ring has little in it: things that need no hurry, then nothing at all. */
  async #rest(): Promise<void> {
    this.#work(0);
    await this.#write();
    if (this.#isStopped) return;
    const leftMs = Math.max(1, Math.ceil(this.#endsAt - performance.now()));
    await this.#parts.wake.wait(Math.min(this.#restMs(), leftMs));
    if (this.#parts.rooms.isHolding) this.#tick(this.#parts.nowNs());
  }

  #restMs(): number {
    if (this.#parts.rooms.isHolding) return HOLD_MS;
    if (this.#turns.some(({ subject }) => subject.isBusy === true)) return 1;
    if (performance.now() - this.#livelyAt < LIVELY_MS) return TICK_MS;
    const dueNs = Math.min(...this.#turns.map(({ subject }) => subject.dueNs ?? Infinity));
    const dueMs = (dueNs - this.#parts.nowNs()) / 1e6;
    return Math.min(Math.max(TICK_MS, dueMs), IDLE_TICK_MS);
  }

  /** `busyNs`: between two times of chores that take long. */
  #work(busyNs: number): void {
    const nowNs = this.#parts.nowNs();
    if (nowNs >= this.#nextTickNs) {
      this.#nextTickNs = nowNs + TICK_MS * 1e6;
      this.#tick(nowNs);
    }
    for (const turn of this.#turns) {
      const { subject } = turn;
      const everyNs = Math.max(subject.everyNs ?? 0, subject.isBusy === undefined ? 0 : busyNs);
      if (nowNs < turn.lastNs + everyNs) continue;
      turn.lastNs = nowNs;
      subject.chores?.(nowNs);
    }
  }

  /** Time passes no further than what was heard: else frames give up on notes that are in the ring already. */
  #tick(timeNs: number): void {
    if (this.#parts.records.isQuiet) this.#parts.rooms.push({ kind: "tick", timeNs });
  }
}
