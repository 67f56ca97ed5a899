/** How much came at once in, how nice this process is out: what is listened to goes first, unless there would be loss. */
import { readdirSync, readFileSync } from "node:fs";
import { getPriority, setPriority } from "node:os";

/** Added while little comes: a wake-up then waits for a free core rather than take one from those who are listened to. */
const ADDED = 10;
const MAX_NICENESS = 19;
/** A batch of everyday rates is smaller; more might find no room in the ring if the scheduler took its time. */
const MUCH_BYTES = 1 << 18;
/** A smaller ring may be full before a nice thread has had its turn once. */
const LEAST_RING_BYTES = 4 << 20;
/** So long after its start a tool is still being compiled, and works at a tenth of its speed. */
export const YOUNG_MS = 10_000;
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
  readonly #mayChange: boolean;
  #usual = 0;
  #isNice = false;
  /** Before `begin` and after `end`: never. */
  #calmFromMs = Number.POSITIVE_INFINITY;

  /** `main`: the thread that empties the ring. */
  constructor(ringBytes: number, main: number = process.pid, system: Priorities = SYSTEM) {
    this.#system = system;
    this.#main = main;
    this.#mayChange = ringBytes >= LEAST_RING_BYTES && system.mayLower();
  }

  begin(): void {
    if (!this.#mayChange) return;
    this.#usual = this.#system.get(this.#main);
    this.#calmFromMs = this.#system.now() + YOUNG_MS;
  }

  /** A batch of so many bytes has come, and is about to be worked on. */
  taken(bytes: number): void {
    if (bytes >= MUCH_BYTES) {
      this.#calmFromMs = Math.max(this.#calmFromMs, this.#system.now() + CALM_MS);
      if (this.#isNice) this.#be(false);
    } else if (!this.#isNice && this.#system.now() > this.#calmFromMs) this.#be(true);
  }

  /** What is left is to be done soon. */
  end(): void {
    this.#calmFromMs = Number.POSITIVE_INFINITY;
    if (this.#isNice) this.#be(false);
  }

  /** All threads, since the one that empties the ring waits for those that collect and compile. */
  #be(isNice: boolean): void {
    this.#isNice = isNice;
    const niceness = isNice ? Math.min(MAX_NICENESS, this.#usual + ADDED) : this.#usual;
    for (const thread of this.#system.threads()) {
      try {
        this.#system.set(thread, niceness);
      } catch {
        // it has ended, or may not be changed: it works all the same
      }
    }
  }
}

export const SYSTEM: Priorities = {
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
