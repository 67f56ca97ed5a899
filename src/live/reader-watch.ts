/** Standard output in, the news that nobody can read it any more out; a subject of the loop. */
import type { Subject } from "./subject.ts";

const LOOK_NS = 200_000_000;

export class ReaderWatch implements Subject {
  readonly everyNs = LOOK_NS;
  readonly #isGone: () => boolean;
  readonly #tell: () => void;

  constructor(isGone: () => boolean, tell: () => void) {
    this.#isGone = isGone;
    this.#tell = tell;
  }

  chores(): void {
    if (this.#isGone()) this.#tell();
  }
}
