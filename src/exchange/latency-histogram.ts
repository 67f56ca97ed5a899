/** Percentiles of durations in bounded memory: buckets that grow by 4.4 %, exact at both ends. */

/** Buckets per doubling; the middle of a bucket is at most 2.2 % off. */
const BUCKETS_PER_OCTAVE = 16;
/** Everything shorter is one bucket: 1 µs. */
const SMALLEST_MS = 0.001;

export class LatencyHistogram {
  #count = 0;
  #minMs = Number.POSITIVE_INFINITY;
  #maxMs = 0;
  /** Sparse: a tool's durations lie in few buckets; at most some 900 up to a year. */
  readonly #buckets = new Map<number, number>();

  add(durationMs: number): void {
    const bucket = bucketOf(durationMs);
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + 1);
    this.#count++;
    if (durationMs < this.#minMs) this.#minMs = durationMs;
    if (durationMs > this.#maxMs) this.#maxMs = durationMs;
  }

  /** `share` 0…1 by nearest rank, in ms; undefined when nothing was added. */
  percentile(share: number): number | undefined {
    if (this.#count === 0) return undefined;
    const rank = Math.max(1, Math.ceil(share * this.#count));
    if (rank === 1) return this.#minMs;
    if (rank === this.#count) return this.#maxMs;
    let seen = 0;
    for (const bucket of [...this.#buckets.keys()].sort((a, b) => a - b)) {
      seen += this.#buckets.get(bucket) ?? 0;
      if (seen >= rank) return this.#within(middleOf(bucket));
    }
    return this.#maxMs;
  }

  #within(valueMs: number): number {
    return Math.min(Math.max(valueMs, this.#minMs), this.#maxMs);
  }
}

function bucketOf(durationMs: number): number {
  if (!(durationMs > SMALLEST_MS)) return 0;
  return 1 + Math.floor(Math.log2(durationMs / SMALLEST_MS) * BUCKETS_PER_OCTAVE);
}

function middleOf(bucket: number): number {
  return bucket === 0 ? SMALLEST_MS : SMALLEST_MS * 2 ** ((bucket - 0.5) / BUCKETS_PER_OCTAVE);
}
