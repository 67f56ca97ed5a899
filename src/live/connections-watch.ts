/** What the kernel does not tell of connections, looked up: those that were there before, and ends of Unix and UDP sockets. */
import type { ConnectionsKernel } from "../capture/connections/connections-kernel.ts";
import type { ConnectionInput } from "../connections/connection-stage.ts";
import type { Entry } from "../connections/entry.ts";
import type { ConnectionLosses } from "../exchange/types.ts";
import type { Subject } from "./subject.ts";

export interface ConnectionsWatchParts {
  readonly kernel: Pick<ConnectionsKernel, "scan" | "counts" | "isOpen" | "forget" | "skippedRuns">;
  readonly counters: () => Pick<ConnectionLosses, "eventsLost" | "unseen">;
  readonly entries: () => Iterable<Entry>;
  readonly push: (item: ConnectionInput) => void;
  /** True when every record has been taken out of the ring. */
  readonly isQuiet: () => boolean;
}

const LOOK_NS = 500_000_000;
/** Entries looked at in one round: each costs the kernel some µs. */
const MOST_LOOKS = 1000;
/** A destination of a UDP socket to which nothing moves for so long is over: the socket may have thousands. */
const IDLE_NS = 300_000_000_000;

export class ConnectionsWatch implements Subject {
  readonly everyNs = LOOK_NS;
  readonly #parts: ConnectionsWatchParts;
  /** Where the last round ended. */
  #rounds: Iterator<Entry> | undefined;
  #lost = 0;
  /** Entries that the kernel has no more: what it said of their end may be in the ring yet. */
  #missing = new Set<string>();

  constructor(parts: ConnectionsWatchParts) {
    this.#parts = parts;
  }

  /** What is open now; call once, when the programs are attached and nothing has been heard. */
  discover(): void {
    const found = this.#parts.kernel.scan();
    // who listens tells which end of a connection accepted it
    for (const event of found) if (event.listens) this.#parts.push(event);
    for (const event of found) if (!event.listens) this.#parts.push(event);
  }

  chores(nowNs: number): void {
    const { eventsLost } = this.#parts.counters();
    if (eventsLost !== this.#lost && this.#parts.isQuiet()) {
      this.#lost = eventsLost;
      for (const entry of [...this.#parts.entries()]) {
        if (entry.connection.protocol === "tcp") this.#lookForLost(entry, nowNs);
      }
    }
    const before = this.#missing;
    this.#missing = new Set();
    for (const entry of this.#some()) {
      if (entry.connection.protocol === "tcp") continue;
      const { id } = entry.connection;
      if (this.#parts.kernel.counts(entry) !== undefined || before.has(id)) {
        this.#look(entry, nowNs);
      } else this.#missing.add(id);
    }
  }

  /** After the last record: how far each has come by now. */
  end(nowNs: number): void {
    for (const event of this.#parts.kernel.scan()) this.#parts.push(event);
    for (const entry of [...this.#parts.entries()]) {
      if (entry.connection.protocol !== "tcp") this.#look(entry, nowNs);
    }
  }

  losses(): ConnectionLosses {
    return { ...this.#parts.counters(), skippedRuns: this.#parts.kernel.skippedRuns() };
  }

  /** The next ones, round and round. */
  *#some(): Generator<Entry> {
    for (let looks = 0; looks < MOST_LOOKS; looks++) {
      this.#rounds ??= this.#parts.entries()[Symbol.iterator]();
      const next = this.#rounds.next();
      if (next.done === true) {
        this.#rounds = undefined;
        return;
      }
      yield next.value;
    }
  }

  /** What the kernel said of its end may have found no room in the ring. */
  #lookForLost(entry: Entry, nowNs: number): void {
    if (this.#parts.kernel.counts(entry) !== undefined) return;
    this.#parts.push({ kind: "gone", id: entry.connection.id, timeNs: nowNs });
  }

  #look(entry: Entry, nowNs: number): void {
    const { kernel, push } = this.#parts;
    const { id, protocol } = entry.connection;
    const counts = kernel.counts(entry);
    if (counts !== undefined) push({ kind: "moved", id, ...counts });
    const isIdle = protocol === "udp" && counts !== undefined && nowNs - counts.lastNs > IDLE_NS;
    if (counts !== undefined && !isIdle && kernel.isOpen(entry.socket, entry.inode)) return;
    kernel.forget(entry);
    push({ kind: "gone", id, timeNs: isIdle ? counts.lastNs : nowNs });
  }
}
