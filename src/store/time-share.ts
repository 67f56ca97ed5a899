/** Time that something takes of a thread in, whether it takes more than its share out. */

/** Of all time: more would be missing when the ring is drained. */
const SHARE = 0.3;
/** What was not used of it is saved so long, ms. */
const MOST_MS = 300;
/** So much too much, and it is to do nothing at all, ms. */
const FAR_MS = 100;

/** A bucket of milliseconds that fills with time. */
export class TimeShare {
  #leftMs = MOST_MS;
  #filledAtMs: number | undefined;

  get isExceeded(): boolean {
    return this.#leftMs < 0;
  }

  get isFarExceeded(): boolean {
    return this.#leftMs < -FAR_MS;
  }

  /** `nowMs`: of a clock that nobody sets. */
  refill(nowMs: number): void {
    const passedMs = nowMs - (this.#filledAtMs ?? nowMs);
    this.#filledAtMs = nowMs;
    this.#leftMs = Math.min(MOST_MS, this.#leftMs + passedMs * SHARE);
  }

  spend(ms: number): void {
    this.#leftMs -= ms;
  }
}
