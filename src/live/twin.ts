/** Brings the second copy of the bodies where the kernel skips runs of the first, or is known to (docs/capture.md). */
import { BpfError } from "../../ffi/errors.ts";
import type { Kernel } from "../capture/kernel.ts";
import type { Subject } from "./subject.ts";

/** Between two looks at whether it is loaded. */
const LOAD_LOOK_MS = 20;
/** Runs that were under way have ended by then. */
const GRACE_MS = 100;
/** A look is a system call. */
const LOOK_NS = 2_000_000_000;

/** What it needs of the kernel. */
export type Skipping = Pick<
  Kernel,
  "hasTwins" | "wantsTwin" | "firstCopySkips" | "beginTwin" | "advanceTwin" | "missing"
>;

export class TwinWatch implements Subject {
  readonly everyNs = LOOK_NS;
  readonly #kernel: Skipping;
  #isComing = false;

  constructor(kernel: Skipping) {
    this.#kernel = kernel;
  }

  chores(): void {
    if (this.#isComing || this.#kernel.hasTwins) return;
    if (!this.#kernel.wantsTwin && this.#kernel.firstCopySkips() === 0) return;
    this.#isComing = true;
    this.#try(() => {
      this.#kernel.beginTwin();
      return LOAD_LOOK_MS;
    });
  }

  readonly #advance = (): void => {
    this.#try(() => {
      const outcome = this.#kernel.advanceTwin();
      if (outcome === "done") return undefined;
      return outcome === "loading" ? LOAD_LOOK_MS : GRACE_MS;
    });
  };

  /** `act` returns when there is more to do, ms; undefined: never. */
  #try(act: () => number | undefined): void {
    try {
      const ms = act();
      if (ms !== undefined) setTimeout(this.#advance, ms).unref();
    } catch (error) {
      if (!(error instanceof BpfError)) throw error;
      this.#kernel.missing.push("exit_twin");
    }
  }
}
