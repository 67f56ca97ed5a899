/** Bytes of a channel in, whether it is still worth hearing out. */

/** Bytes without a line that starts with `{` or `[`, after which a channel is set aside. */
const UNPROVEN_BUDGET = 64 * 1024;

/**
 * The same for a channel that had such lines: a server that also logs to its stdout must stay
 * heard, while a long-lived log that once printed a brace may not cost copies for ever.
 */
const PROVEN_BUDGET = 16 * 1024 * 1024;

export class Budget {
  #bytes = UNPROVEN_BUDGET;
  #bytesSinceJson = 0;
  #isSpared = false;

  get isSpent(): boolean {
    return this.#bytesSinceJson > this.#bytes;
  }

  /** It was given more since it was last renewed. */
  get isSpared(): boolean {
    return this.#isSpared;
  }

  spend(bytes: number): void {
    this.#bytesSinceJson += bytes;
  }

  /** So much from here on. */
  spare(bytes: number): void {
    this.#bytesSinceJson = 0;
    this.#bytes = bytes;
    this.#isSpared = true;
  }

  /** What begins like JSON was found. */
  renew(): void {
    this.#bytes = PROVEN_BUDGET;
    this.#bytesSinceJson = 0;
    this.#isSpared = false;
  }
}
