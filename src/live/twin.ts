/** Attaches the second copy of the bodies as soon as the kernel is seen to skip runs of the first (docs/capture.md). */
import type { Kernel } from "../capture/kernel.ts";
import type { Subject } from "./subject.ts";

/** First copies that ran before they were told to mark their calls have returned by then. */
const GRACE_MS = 100;
/** A look is a system call. */
const LOOK_NS = 2_000_000_000;

/** What it needs of the kernel. */
export type Skipping = Pick<Kernel, "hasTwins" | "firstCopySkips" | "announceTwin" | "attachTwin">;

export class TwinWatch implements Subject {
  readonly everyNs = LOOK_NS;
  readonly #kernel: Skipping;
  #isComing = false;

  constructor(kernel: Skipping) {
    this.#kernel = kernel;
  }

  chores(): void {
    if (this.#isComing || this.#kernel.hasTwins || this.#kernel.firstCopySkips() === 0) return;
    this.#isComing = true;
    this.#kernel.announceTwin();
    setTimeout(() => this.#kernel.attachTwin(), GRACE_MS).unref();
  }
}
