/** Bytes of a channel in, whether it is still worth hearing out. */

/** Bytes without a line that starts with `{` or `[`, after which a channel is set aside. */
const UNPROVEN_BUDGET = 64 * 1024;

/**
 * The same for a channel that had such lines: a server that also logs to its stdout must stay
 * heard, while a long-lived log that once printed a brace may not cost copies for ever.
 */
const PROVEN_BUDGET = 16 * 1024 * 1024;

export class Budget {
  #proven = false;
  #bytesSinceJson = 0;

  get isSpent(): boolean {
    return this.#bytesSinceJson > (this.#proven ? PROVEN_BUDGET : UNPROVEN_BUDGET);
  }

  spend(bytes: number): void {
    this.#bytesSinceJson += bytes;
  }

  /** What begins like JSON was found. */
  renew(): void {
    this.#proven = true;
    this.#bytesSinceJson = 0;
  }
}
