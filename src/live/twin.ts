/** Attaches the second copy of the bodies as soon as the kernel is seen to skip runs of the first (docs/capture.md). */
import type { Kernel } from "../capture/kernel.ts";

/** First copies that ran before they were told to mark their calls have returned by then. */
const GRACE_MS = 100;

export class TwinWatch {
  readonly #kernel: Kernel;
  #isComing = false;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** A system call: every few seconds is enough. */
  check(): void {
    if (this.#isComing || this.#kernel.hasTwins || this.#kernel.firstCopySkips() === 0) return;
    this.#isComing = true;
    this.#kernel.announceTwin();
    setTimeout(() => this.#kernel.attachTwin(), GRACE_MS).unref();
  }
}
