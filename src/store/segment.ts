/** Times of what is stored in, the segment of the history that it belongs to out. */
import type { SegmentRow } from "./batch.ts";

/** As little is removed at once by age as an hour of history, … */
const MAX_NS = 3_600_000_000_000;
/** … and by size as so many rows; sums are kept by segment, so few of them are read quickly. */
const MAX_ROWS = 100_000;
/** The wall clock was set by more than it is slewed. */
const STEP_US = 5_000;

/**
 * A stretch of the history within which the wall clock ran evenly: what retention removes as a whole, and what sums are
 * kept by. Its age is told by the clock that nobody sets, as long as the machine runs.
 */
export class Segment {
  readonly id: number;
  readonly #offsetUs: number;
  readonly #startNs: number;
  readonly #maxBytes: number;
  #lastId: number;
  #startUs: number;
  #endUs: number;
  #endNs: number;
  #bytes = 0;
  sessions = 0;
  messages = 0;
  messageBytes = 0;
  calls = 0;
  failedCalls = 0;
  connections = 0;

  /** `id`: of its first row. `offsetUs`: wall clock minus kernel time. */
  constructor(id: number, timeNs: number, offsetUs: number, maxBytes: number) {
    this.id = id;
    this.#lastId = id;
    this.#offsetUs = offsetUs;
    this.#startNs = timeNs;
    this.#endNs = timeNs;
    this.#maxBytes = maxBytes;
    this.#startUs = Math.floor(timeNs / 1000 + offsetUs);
    this.#endUs = this.#startUs;
  }

  /** False: what comes next begins another one. */
  holds(timeNs: number, offsetUs: number): boolean {
    return (
      Math.abs(offsetUs - this.#offsetUs) <= STEP_US &&
      Math.abs(timeNs - this.#startNs) < MAX_NS &&
      this.#lastId - this.id < MAX_ROWS &&
      this.#bytes < this.#maxBytes
    );
  }

  /** Something of this time is in it, and rows up to this id. */
  note(timeNs: number, timeUs: number, lastId: number): void {
    if (timeUs < this.#startUs) this.#startUs = timeUs;
    if (timeUs > this.#endUs) this.#endUs = timeUs;
    if (timeNs > this.#endNs) this.#endNs = timeNs;
    this.#lastId = lastId;
  }

  addBytes(bytes: number): void {
    this.#bytes += bytes;
  }

  row(): SegmentRow {
    return {
      id: this.id,
      lastId: this.#lastId,
      startUs: this.#startUs,
      endUs: this.#endUs,
      endNs: this.#endNs,
      sessions: this.sessions,
      messages: this.messages,
      messageBytes: this.messageBytes,
      calls: this.calls,
      failedCalls: this.failedCalls,
      connections: this.connections,
    };
  }
}
