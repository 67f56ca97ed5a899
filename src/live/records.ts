/** The ring's records in, kernel events out, a batch at a time. */
import type { RingBuffer } from "../../ffi/ring-buffer.ts";
import { Decoder } from "../capture/decode.ts";
import type { KernelEvent } from "../capture/types.ts";

export interface Batch {
  /** What the ring got back; 0: there was no complete record. */
  readonly bytes: number;
  readonly records: number;
}

const NOTHING: Batch = { bytes: 0, records: 0 };

/** What it needs of the ring. */
export type RecordRing = Pick<
  RingBuffer,
  "view" | "bytes" | "acquire" | "start" | "release" | "pending"
>;

export class Records {
  readonly #ring: RecordRing;
  readonly #decoder: Decoder;

  constructor(ring: RecordRing) {
    this.#ring = ring;
    this.#decoder = new Decoder(ring.view, ring.bytes);
  }

  /** `begin`: called with the batch's bytes before its first event, when there is one. Views in events end with `visit`. */
  drain(begin: (bytes: number) => void, visit: (event: KernelEvent) => void): Batch {
    const bytes = this.#ring.acquire();
    if (bytes === 0) return NOTHING;
    begin(bytes);
    const records = this.#decoder.decode(this.#ring.start, bytes, visit);
    this.#ring.release();
    return { bytes, records };
  }

  /** Every record has been taken out of the ring, unfinished ones, too. */
  get isQuiet(): boolean {
    return this.#ring.pending() === 0;
  }
}
