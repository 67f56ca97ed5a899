/** A BPF map by its descriptor; keys and values are raw bytes in the layout of bpf/maps.h. */
import { ptr } from "bun:ffi";
import { BpfError } from "./errors.ts";
import { shim } from "./shim.ts";

const ENOENT = 2;

export class BpfMap {
  readonly name: string;
  readonly fd: number;

  constructor(name: string, fd: number) {
    this.name = name;
    this.fd = fd;
  }

  /** Copies the value of `key` into `value`; false when there is none. */
  lookup(key: Uint8Array, value: Uint8Array): boolean {
    return this.#check("read", shim().sh_map_lookup(this.fd, ptr(key), ptr(value)));
  }

  set(key: Uint8Array, value: Uint8Array): void {
    const code = shim().sh_map_update(this.fd, ptr(key), ptr(value));
    if (code < 0) throw new BpfError(`Cannot write map "${this.name}"`, -code);
  }

  delete(key: Uint8Array): boolean {
    return this.#check("delete from", shim().sh_map_delete(this.fd, ptr(key)));
  }

  /** Calls `visit` with each key, as far as they are there while it runs; entries may be deleted meanwhile. */
  *keys(keyBytes: number): Generator<Uint8Array> {
    let previous: Uint8Array | undefined;
    for (;;) {
      const next = new Uint8Array(keyBytes);
      const code = shim().sh_map_next_key(this.fd, previous ? ptr(previous) : null, ptr(next));
      if (code < 0) return;
      yield next;
      previous = next;
    }
  }

  #check(verb: string, code: number): boolean {
    if (code >= 0) return true;
    if (code === -ENOENT) return false;
    throw new BpfError(`Cannot ${verb} map "${this.name}"`, -code);
  }
}
