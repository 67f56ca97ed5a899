/** The ring: complete records are decoded in place between acquire and release; no view outlives its release. */
import { type Pointer, ptr, read, toArrayBuffer } from "bun:ffi";
import { BpfError } from "./errors.ts";
import type { BpfMap } from "./map.ts";
import { shim } from "./shim.ts";

const EINTR = 4;

export class RingBuffer implements Disposable {
  #ring: Pointer | null;
  /** The ring's memory, and its beginning once more behind its end, so that a span never wraps. */
  readonly view: DataView<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Readable when there are records, after `sleep`. */
  readonly wakeFd: number;
  /** Bytes of records that it holds at most. */
  readonly size: number;
  readonly #offset = new Uint32Array(1);
  readonly #offsetPointer = ptr(this.#offset);

  /** `sleepFlag`: the .bss variable that makes the programs wake us. */
  constructor(map: BpfMap, size: number, sleepFlag: DataView<ArrayBuffer>) {
    this.size = size;
    const wake = new Int32Array(1);
    const flag = ptr(new Uint8Array(sleepFlag.buffer, sleepFlag.byteOffset, 4));
    this.#ring = shim().sh_ring_open(map.fd, size, flag, ptr(wake)) as Pointer | null;
    this.wakeFd = wake[0] ?? -1;
    if (this.#ring === null) throw new BpfError("Cannot map the ring buffer", -this.wakeFd);
    const records = shim().sh_ring_records(this.#ring);
    if (records === null) throw new BpfError("Cannot map the ring buffer", 22);
    const memory = toArrayBuffer(records, 0, shim().sh_ring_length(this.#ring));
    this.view = new DataView(memory);
    this.bytes = new Uint8Array(memory);
  }

  /** Length of the span of complete records that begins at `start`; 0: none. */
  acquire(): number {
    return shim().sh_ring_acquire(this.#pointer, this.#offsetPointer);
  }

  /** Offset of the acquired span in `view`. */
  get start(): number {
    return read.u32(this.#offsetPointer, 0);
  }

  release(): void {
    shim().sh_ring_release(this.#pointer);
  }

  /** Asks for a byte on `wakeFd` with the next record; false when there are records already. */
  sleep(): boolean {
    const code = shim().sh_ring_sleep(this.#pointer);
    if (code < 0) throw new BpfError("Cannot wait for records", -code);
    return code === 0;
  }

  /** Blocks the process: lets `napMs` pass whatever comes, then waits for a record, `mostMs` at most. */
  wait(napMs: number, mostMs: number): "records" | "none" | "signal" {
    const code = shim().sh_ring_wait(this.#pointer, napMs * 1000, mostMs);
    if (code >= 0) return code === 0 ? "none" : "records";
    if (code === -EINTR) return "signal";
    throw new BpfError("Cannot wait for records", -code);
  }

  pending(): number {
    return shim().sh_ring_pending(this.#pointer);
  }

  get #pointer(): Pointer {
    if (this.#ring === null) throw new Error("ring buffer is closed");
    return this.#ring;
  }

  [Symbol.dispose](): void {
    if (this.#ring !== null) shim().sh_ring_close(this.#ring);
    this.#ring = null;
  }
}
