/** Threads that were inside a call when fexit was attached, and the programs at the exit of system calls that wait for them. */
import { type BpfLink, type BpfObject, disposeLinks } from "../../ffi/object.ts";

export interface ThreadId {
  readonly pid: number;
  readonly tid: number;
}

const ONE = new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]);

export class BlockedWatch {
  readonly #object: BpfObject;
  readonly #programs: readonly string[];
  readonly #links: BpfLink[] = [];
  /** `blocked_left` of bpf/maps.h, live. */
  readonly #left: Int32Array;

  constructor(object: BpfObject, programs: readonly string[], left: Int32Array) {
    this.#object = object;
    this.#programs = programs;
    this.#left = left;
  }

  watch(threads: readonly ThreadId[]): void {
    if (threads.length === 0) return;
    const map = this.#object.map("blocked");
    for (const thread of threads) map.set(keyOf(thread), ONE);
    this.#left[0] = threads.length;
    for (const program of this.#programs) this.#links.push(this.#object.attach(program));
  }

  unwatch(threads: readonly ThreadId[]): void {
    const map = this.#object.map("blocked");
    // the programs count down meanwhile
    for (const thread of threads) if (map.delete(keyOf(thread))) Atomics.sub(this.#left, 0, 1);
  }

  release(): void {
    if (this.#links.length > 0 && (this.#left[0] ?? 0) <= 0) this.detach();
  }

  detach(): void {
    disposeLinks(this.#links.splice(0));
  }
}

function keyOf({ pid, tid }: ThreadId): Uint8Array {
  return new Uint8Array(new Uint32Array([tid, pid]).buffer);
}
