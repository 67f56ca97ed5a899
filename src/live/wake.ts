/** When records came in, when to look for the next ones out: at once, after a nap, or when the ring says so. */
import type { RingBuffer } from "../../ffi/ring-buffer.ts";

/** What it needs of the ring. */
export type Waiting = Pick<RingBuffer, "sleep" | "wait" | "wakeFd">;

/** Batches that came no further apart announce the next one: what comes meanwhile is drained with it. */
const STEADY_MS = 8;
/** From one look to the next while batches are steady: no more than 250 a second, and no line much later than this. */
const NAP_MS = 4;
/** Batches that came no further apart are waited for in the kernel, which costs a third of what Bun's event loop costs:
 * that wakes threads of its own each time that it sleeps. */
const NEAR_MS = 250;
/** How often timers and outputs are let in, at least; signals end a wait. */
const TURN_MS = 100;

export class Wake implements Disposable {
  readonly #ring: Waiting;
  readonly #now: () => number;
  #armed = false;
  #wakeUp: (() => void) | undefined;
  #alarm: ReturnType<typeof setTimeout> | undefined;
  #alarmAt = 0;
  #heardAt = Number.NEGATIVE_INFINITY;
  /** Between the last two batches. */
  #gapMs = Number.POSITIVE_INFINITY;
  #turnAt = 0;
  #isPoked = false;

  /** `now`: ms, of any start. */
  constructor(ring: Waiting, now: () => number = () => performance.now()) {
    this.#ring = ring;
    this.#now = now;
    // a signal that nobody handles ends no wait: so does a child that ends, too
    process.on("SIGCHLD", ignoreSignal);
    void this.#listen();
  }

  /** A batch of records is about to be worked on. */
  heard(): void {
    const now = this.#now();
    this.#gapMs = now - this.#heardAt;
    this.#heardAt = now;
  }

  /** Returns when it is time to look into the ring, after `mostMs`, or when poked. */
  async wait(mostMs: number): Promise<void> {
    this.#isPoked = false;
    const sinceMs = this.#now() - this.#heardAt;
    if (Math.max(this.#gapMs, sinceMs) > NEAR_MS) return this.#sleep(mostMs);
    // before the wait, not behind it: what comes next is to be heard first
    if (this.#now() > this.#turnAt) await this.#turn();
    if (this.#isPoked) return;
    const napMs = this.#gapMs > STEADY_MS ? 0 : Math.min(Math.max(0, NAP_MS - sinceMs), mostMs);
    const end = this.#ring.wait(napMs, Math.min(NEAR_MS, mostMs));
    // nothing is to be heard, and a timer may be due
    if (end === "none") this.#turnAt = 0;
    if (end !== "signal") return;
    // what it told of may take the event loop more than one turn
    this.#gapMs = Number.POSITIVE_INFINITY;
    await this.#turn();
  }

  /** Lets signals, timers and outputs in when that is due. */
  breathe(): void | Promise<void> {
    if (this.#now() > this.#turnAt) return this.#turn();
  }

  poke(): void {
    this.#isPoked = true;
    this.#wakeUp?.();
  }

  /** After the last wait. */
  [Symbol.dispose](): void {
    process.off("SIGCHLD", ignoreSignal);
    clearTimeout(this.#alarm);
  }

  async #turn(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#turnAt = this.#now() + TURN_MS;
  }

  async #sleep(mostMs: number): Promise<void> {
    if (!this.#armed) {
      if (!this.#ring.sleep()) return this.#turn();
      this.#armed = true;
    }
    this.#setAlarm(mostMs);
    await new Promise<void>((resolve) => {
      this.#wakeUp = resolve;
    });
    this.#wakeUp = undefined;
    this.#turnAt = this.#now() + TURN_MS;
  }

  /** One that is set already, and rings no later, will do: it may ring early. */
  #setAlarm(ms: number): void {
    const at = this.#now() + ms;
    if (this.#alarm !== undefined) {
      if (this.#alarmAt <= at) return;
      clearTimeout(this.#alarm);
    }
    this.#alarmAt = at;
    this.#alarm = setTimeout(() => {
      this.#alarm = undefined;
      this.#wakeUp?.();
    }, ms);
  }

  async #listen(): Promise<void> {
    // a stream is the one way Bun waits on a pipe without blocking or spinning
    for await (const _ of Bun.file(this.#ring.wakeFd).stream()) {
      this.#armed = false;
      this.#wakeUp?.();
    }
  }
}

function ignoreSignal(): void {}
