/** A BPF object: opened from memory, its programs chosen, loaded, attached, and taken down in order. */
import { type Pointer, ptr, read, toArrayBuffer } from "bun:ffi";
import { BpfError, VerifierError } from "./errors.ts";
import { BpfMap } from "./map.ts";
import { shim, takeLog, text } from "./shim.ts";

const ENOSPC = 28;

export class BpfLink implements Disposable {
  #link: Pointer | null;

  constructor(link: Pointer) {
    this.#link = link;
  }

  /** For `disposeLinks`, which takes it down. */
  release(): Pointer | undefined {
    const link = this.#link ?? undefined;
    this.#link = null;
    return link;
  }

  [Symbol.dispose](): void {
    const link = this.release();
    if (link !== undefined) shim().sh_link_destroy(link);
  }
}

/** Takes links down, all at a time: each one waits for the kernel. */
export function disposeLinks(links: readonly BpfLink[]): void {
  const pointers = links.flatMap((link) => link.release() ?? []);
  if (pointers.length === 0) return;
  const list = BigUint64Array.from(pointers, BigInt);
  shim().sh_links_destroy(ptr(list), list.length);
}

/**
 * The same, at the end of this process: links to perf events, each of which takes the kernel some 100 ms, are left to a
 * child, which ends soon after this process. Their programs may run until then.
 */
export function leaveLinks(links: readonly BpfLink[]): void {
  const pointers = links.flatMap((link) => link.release() ?? []);
  if (pointers.length === 0) return;
  const list = BigUint64Array.from(pointers, BigInt);
  if (shim().sh_links_leave(ptr(list), list.length) < 0) {
    shim().sh_links_destroy(ptr(list), list.length);
  }
}

/** An iterator program, ready to be run over the whole system as often as needed. */
export class BpfIterator implements Disposable {
  readonly #program: string;
  #link: Pointer | null;
  #buffer = new Uint8Array(1 << 16);

  constructor(program: string, link: Pointer) {
    this.#program = program;
    this.#link = link;
  }

  /** The program's output; valid until the next run. */
  run(): Uint8Array {
    for (;;) {
      const code = shim().sh_iterate(this.#link, ptr(this.#buffer), this.#buffer.length);
      if (code >= 0) return this.#buffer.subarray(0, code);
      if (code !== -ENOSPC) throw new BpfError(`Cannot run iterator "${this.#program}"`, -code);
      this.#buffer = new Uint8Array(this.#buffer.length * 4);
    }
  }

  [Symbol.dispose](): void {
    if (this.#link !== null) shim().sh_link_destroy(this.#link);
    this.#link = null;
  }
}

export class BpfObject implements Disposable {
  #object: Pointer | null;
  #isMulti = false;
  /** A thread loads it. */
  #load: Pointer | null = null;

  /** @throws BpfError when the bytes are no BPF object. */
  constructor(bytes: Uint8Array, name: string) {
    this.#object = shim().sh_object_open(
      ptr(bytes),
      bytes.length,
      ptr(text(name)),
    ) as Pointer | null;
    if (this.#object === null) throw new BpfError(`Cannot open BPF object "${name}"`, 22);
  }

  get pointer(): Pointer {
    if (this.#object === null) throw new Error("BPF object is closed");
    return this.#object;
  }

  /** Loads the program with the others; `target` is the kernel function for fentry and fexit programs. */
  enable(program: string, target = ""): void {
    const code = shim().sh_program_enable(this.pointer, ptr(text(program)), ptr(text(target)));
    if (code < 0) throw new BpfError(`Cannot attach "${program}" to "${target}"`, -code);
  }

  disable(program: string): void {
    shim().sh_program_disable(this.pointer, ptr(text(program)));
  }

  /** Loads this program and no other. */
  enableOnly(program: string): void {
    const code = shim().sh_program_only(this.pointer, ptr(text(program)));
    if (code < 0) throw new BpfError(`Cannot load program "${program}"`, -code);
  }

  resizeMap(map: string, entries: number): void {
    const code = shim().sh_map_resize(this.pointer, ptr(text(map)), entries);
    if (code < 0) throw new BpfError(`Cannot size map "${map}" to ${entries}`, -code);
  }

  /** Before load: maps and variables that `other`, which is loaded, has as well are the same ones; constants are not. */
  share(other: BpfObject): void {
    const code = shim().sh_object_share(this.pointer, other.pointer);
    if (code < 0) throw new BpfError("Cannot share maps", -code);
  }

  /** Before load: one link attaches a uprobe program to many places (since 6.6). */
  useUprobeMulti(): void {
    const code = shim().sh_uprobe_multi(this.pointer);
    if (code < 0) throw new BpfError("Cannot use uprobe_multi", -code);
    this.#isMulti = true;
  }

  /** @throws VerifierError with the end of the kernel's log. */
  load(): void {
    takeLog();
    const code = shim().sh_object_load(this.pointer);
    if (code < 0) throw new VerifierError("Cannot load the BPF programs", -code, takeLog());
  }

  /** As `load`, by a thread: until `isLoaded` nothing else may be done with the object but `finishLoad`. */
  beginLoad(): void {
    this.#load = shim().sh_load_begin(this.pointer) as Pointer | null;
    if (this.#load === null) throw new BpfError("Cannot start a thread for the BPF programs", 11);
  }

  /** True, too, when the thread has failed: `finishLoad` tells. */
  get isLoaded(): boolean {
    return this.#load === null || shim().sh_load_is_done(this.#load) !== 0;
  }

  /** Waits for the thread, if need be. @throws VerifierError with the end of what the kernel and libbpf said meanwhile. */
  finishLoad(): void {
    if (this.#load === null) return;
    const load = this.#load;
    this.#load = null;
    const code = shim().sh_load_end(load);
    if (code < 0) throw new VerifierError("Cannot load the BPF programs", -code, takeLog());
  }

  attach(program: string): BpfLink {
    const out = new BigUint64Array(1);
    const code = shim().sh_program_attach(this.pointer, ptr(text(program)), ptr(out));
    if (code < 0) throw new BpfError(`Cannot attach program "${program}"`, -code);
    return new BpfLink(read.ptr(ptr(out)) as Pointer);
  }

  /**
   * Attaches a program to places of a file, by their offsets in it, in all processes that run them now or later.
   * `atReturn`: when the functions that begin there return. @throws BpfError; nothing is attached then.
   */
  attachUprobe(
    program: string,
    place: { path: string; offsets: readonly number[]; atReturn: boolean },
  ): BpfLink[] {
    const { offsets } = place;
    const groups = this.#isMulti ? [offsets] : offsets.map((offset) => [offset]);
    const links: BpfLink[] = [];
    try {
      for (const group of groups)
        links.push(this.#attachUprobes(program, { ...place, offsets: group }));
      return links;
    } catch (error) {
      for (const link of links) link[Symbol.dispose]();
      throw error;
    }
  }

  #attachUprobes(
    program: string,
    place: { path: string; offsets: readonly number[]; atReturn: boolean },
  ): BpfLink {
    const out = new BigUint64Array(1);
    const offsets = BigUint64Array.from(place.offsets, BigInt);
    const code = shim().sh_uprobe_attach(
      this.pointer,
      ptr(text(program)),
      ptr(text(place.path)),
      ptr(offsets),
      offsets.length,
      place.atReturn ? 1 : 0,
      this.#isMulti ? 1 : 0,
      ptr(out),
    );
    if (code < 0) throw new BpfError(`Cannot attach "${program}" to "${place.path}"`, -code);
    return new BpfLink(read.ptr(ptr(out)) as Pointer);
  }

  /** Runs a raw tracepoint program once, here and now (BPF_PROG_TEST_RUN, since 5.10). Returns what it returns. */
  run(program: string, ...args: readonly bigint[]): number {
    const values = new BigUint64Array(args);
    const code = shim().sh_program_run(
      this.pointer,
      ptr(text(program)),
      ptr(values),
      values.length,
    );
    if (code < 0) throw new BpfError(`Cannot run program "${program}"`, -code);
    return code;
  }

  /** Who has a tail call into the first place of `map` goes on with this program. */
  putInto(map: BpfMap, program: string): void {
    const code = shim().sh_program_put(this.pointer, ptr(text(program)), map.fd);
    if (code < 0) throw new BpfError(`Cannot attach program "${program}"`, -code);
  }

  /** Runs of the program that the kernel skipped because it was already running on that CPU (0 before 5.12). */
  misses(program: string): number {
    const out = new BigUint64Array(1);
    shim().sh_program_misses(this.pointer, ptr(text(program)), ptr(out));
    return Number(out[0]);
  }

  map(name: string): BpfMap {
    const fd = shim().sh_map_fd(this.pointer, ptr(text(name)));
    if (fd < 0) throw new BpfError(`Cannot find map "${name}"`, -fd);
    return new BpfMap(name, fd);
  }

  /** Memory of a global data section (".rodata" before load, ".bss" after it, live); valid while the object is open. */
  memory(section: string): DataView<ArrayBuffer> {
    const size = new BigUint64Array(1);
    const memory = shim().sh_map_memory(this.pointer, ptr(text(section)), ptr(size));
    if (memory === null) throw new BpfError(`Cannot find section "${section}"`, 2);
    return new DataView(toArrayBuffer(memory, 0, Number(size[0])));
  }

  iterator(program: string): BpfIterator {
    const out = new BigUint64Array(1);
    const code = shim().sh_iterator_open(this.pointer, ptr(text(program)), ptr(out));
    if (code < 0) throw new BpfError(`Cannot attach iterator "${program}"`, -code);
    return new BpfIterator(program, read.ptr(ptr(out)) as Pointer);
  }

  [Symbol.dispose](): void {
    if (this.#load !== null) shim().sh_load_end(this.#load);
    this.#load = null;
    if (this.#object !== null) shim().sh_object_close(this.#object);
    this.#object = null;
  }
}

export function libbpfVersion(): string {
  return String(shim().sh_libbpf_version());
}
