/** How much came at once in, the niceness of the thread that works on it out: what is listened to goes first. */
import { readdirSync, readFileSync } from "node:fs";
import { getPriority, setPriority } from "node:os";

/** Added while little comes: a wake-up then waits for a free core rather than take one from those who are listened to. */
const ADDED = 10;
const MAX_NICENESS = 19;
/** A batch of everyday rates is smaller; more might find no room in the ring if the scheduler took its time. */
const MUCH_BYTES = 1 << 18;
/** The same of a small ring. */
const MUCH_OF_RING = 1 / 64;
/** So long without much. */
const CALM_MS = 1_000;
const CAP_SYS_NICE = 23n;

/** On Linux each thread has a niceness of its own. Source: setpriority(2), "C library/kernel differences". */
export interface Priorities {
  readonly get: (thread: number) => number;
  readonly set: (thread: number, niceness: number) => void;
  /** Of this process. */
  readonly threads: () => readonly number[];
  /** Whether a niceness may be taken back. */
  readonly mayLower: () => boolean;
  /** ms */
  readonly now: () => number;
}

export class Niceness {
  readonly #system: Priorities;
  readonly #main: number;
  readonly #muchBytes: number;
  #usual = 0;
  #isNice = false;
  #mayChange = false;
  #muchAt = Number.NEGATIVE_INFINITY;

  /** `main`: the thread that empties the ring. */
  constructor(ringBytes: number, main: number = process.pid, system: Priorities = SYSTEM) {
    this.#system = system;
    this.#main = main;
    this.#muchBytes = Math.min(MUCH_BYTES, ringBytes * MUCH_OF_RING);
  }

  /** All threads; those that are begun later by one of them are as nice. */
  begin(): void {
    const { get, threads, mayLower } = this.#system;
    if (!mayLower()) return;
    this.#usual = get(this.#main);
    this.#mayChange = true;
    for (const thread of threads()) this.#set(thread, true);
    this.#isNice = true;
  }

  /** A batch of so many bytes has been taken out of the ring. */
  drained(bytes: number): void {
    if (!this.#mayChange) return;
    if (bytes >= this.#muchBytes) {
      this.#muchAt = this.#system.now();
      if (this.#isNice) this.#be(false);
    } else if (!this.#isNice && this.#system.now() - this.#muchAt > CALM_MS) this.#be(true);
  }

  /** What is left is to be done soon. */
  end(): void {
    if (!this.#mayChange) return;
    this.#mayChange = false;
    for (const thread of this.#system.threads()) this.#set(thread, false);
  }

  #be(isNice: boolean): void {
    this.#isNice = isNice;
    this.#set(this.#main, isNice);
  }

  #set(thread: number, isNice: boolean): void {
    const niceness = isNice ? Math.min(MAX_NICENESS, this.#usual + ADDED) : this.#usual;
    try {
      this.#system.set(thread, niceness);
    } catch {
      // it has ended, or may not be changed: it works all the same
    }
  }
}

const SYSTEM: Priorities = {
  get: getPriority,
  set: setPriority,
  threads: () => readdirSync("/proc/self/task").map(Number),
  mayLower: hasSysNice,
  now: () => performance.now(),
};

function hasSysNice(): boolean {
  const status = readFileSync("/proc/self/status", "latin1");
  const [, effective] = /^CapEff:\s*([0-9a-f]+)$/m.exec(status) ?? [];
  return effective !== undefined && ((BigInt(`0x${effective}`) >> CAP_SYS_NICE) & 1n) === 1n;
}
