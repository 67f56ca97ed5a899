/** Unix microseconds in, text out: one Date per second of traffic, not one per line. */

/** "2026-11-20T12:34:56.789012Z": UTC, microseconds. */
export class UtcTimestamps {
  #second = Number.NaN;
  #prefix = "";

  render(unixMicros: number): string {
    const second = Math.floor(unixMicros / 1e6);
    if (second !== this.#second) {
      this.#second = second;
      this.#prefix = new Date(second * 1000).toISOString().slice(0, 20);
    }
    // Six digits: the leading 1 keeps the zeros.
    return `${this.#prefix}${String(1e6 + Math.floor(unixMicros - second * 1e6)).slice(1)}Z`;
  }
}

/** "12:34:56.789": local time, milliseconds. */
export class LocalTimes {
  #second = Number.NaN;
  #prefix = "";

  render(unixMicros: number): string {
    const second = Math.floor(unixMicros / 1e6);
    if (second !== this.#second) {
      this.#second = second;
      const date = new Date(second * 1000);
      this.#prefix = [date.getHours(), date.getMinutes(), date.getSeconds()]
        .map((part) => String(part).padStart(2, "0"))
        .join(":");
    }
    const millis = Math.floor((unixMicros - second * 1e6) / 1000);
    return `${this.#prefix}.${String(1000 + millis).slice(1)}`;
  }
}
