/** What a live run looks after besides messages, each thing a class of its own: events in, a moment now and then. */
import type { KernelEvent } from "../capture/types.ts";

export interface Subject {
  /** Every event but data and notes, after it went through the rooms. */
  observe?(event: KernelEvent): void;
  /** What needs no hurry. `nowNs`: CLOCK_BOOTTIME. */
  chores?(nowNs: number): void;
  /** Between one time of its chores and the next, at least; they wait for the ring to have little in it. */
  readonly everyNs?: number;
  /** There are chores that do not wait: the loop hardly rests. */
  readonly isBusy?: boolean;
  /** When its chores are next worth a wake-up of their own, CLOCK_BOOTTIME ns. */
  readonly dueNs?: number;
}
