/** Loads the shim and declares its functions; nothing else calls dlopen. */
import { dlopen, ptr, FFIType as T } from "bun:ffi";
import { writeSync } from "node:fs";
import { embeddedShimPath, readShim } from "./assets.ts";

const MFD_CLOEXEC = 1;
const MFD_EXEC = 0x10; // since 6.3; refused by older kernels

const SYMBOLS = {
  sh_log_take: { args: [T.ptr, T.i32], returns: T.i32 },
  sh_libbpf_version: { args: [], returns: T.cstring },
  sh_object_open: { args: [T.ptr, T.u32, T.ptr], returns: T.ptr },
  sh_object_load: { args: [T.ptr], returns: T.i32 },
  sh_load_begin: { args: [T.ptr], returns: T.ptr },
  sh_load_is_done: { args: [T.ptr], returns: T.i32 },
  sh_load_end: { args: [T.ptr], returns: T.i32 },
  sh_object_close: { args: [T.ptr], returns: T.void },
  sh_object_share: { args: [T.ptr, T.ptr], returns: T.i32 },
  sh_uprobe_multi: { args: [T.ptr], returns: T.i32 },
  sh_uprobe_attach: {
    args: [T.ptr, T.ptr, T.ptr, T.ptr, T.u32, T.i32, T.i32, T.ptr],
    returns: T.i32,
  },
  sh_program_enable: { args: [T.ptr, T.ptr, T.ptr], returns: T.i32 },
  sh_program_disable: { args: [T.ptr, T.ptr], returns: T.i32 },
  sh_program_only: { args: [T.ptr, T.ptr], returns: T.i32 },
  sh_program_attach: { args: [T.ptr, T.ptr, T.ptr], returns: T.i32 },
  sh_program_put: { args: [T.ptr, T.ptr, T.i32], returns: T.i32 },
  sh_program_misses: { args: [T.ptr, T.ptr, T.ptr], returns: T.i32 },
  sh_program_run: { args: [T.ptr, T.ptr, T.ptr, T.u32], returns: T.i32 },
  sh_link_destroy: { args: [T.ptr], returns: T.i32 },
  sh_links_destroy: { args: [T.ptr, T.u32], returns: T.void },
  sh_links_leave: { args: [T.ptr, T.u32], returns: T.i32 },
  sh_iterator_open: { args: [T.ptr, T.ptr, T.ptr], returns: T.i32 },
  sh_iterate: { args: [T.ptr, T.ptr, T.u32], returns: T.i32 },
  sh_map_fd: { args: [T.ptr, T.ptr], returns: T.i32 },
  sh_map_resize: { args: [T.ptr, T.ptr, T.u32], returns: T.i32 },
  sh_map_lookup: { args: [T.i32, T.ptr, T.ptr], returns: T.i32 },
  sh_map_update: { args: [T.i32, T.ptr, T.ptr], returns: T.i32 },
  sh_map_delete: { args: [T.i32, T.ptr], returns: T.i32 },
  sh_map_next_key: { args: [T.i32, T.ptr, T.ptr], returns: T.i32 },
  sh_map_memory: { args: [T.ptr, T.ptr, T.ptr], returns: T.ptr },
  sh_ring_open: { args: [T.i32, T.u32, T.ptr, T.ptr], returns: T.ptr },
  sh_ring_records: { args: [T.ptr], returns: T.ptr },
  sh_ring_length: { args: [T.ptr], returns: T.u32 },
  sh_ring_acquire: { args: [T.ptr, T.ptr], returns: T.u32 },
  sh_ring_release: { args: [T.ptr], returns: T.void },
  sh_ring_sleep: { args: [T.ptr], returns: T.i32 },
  sh_ring_wait: { args: [T.ptr, T.u32, T.i32], returns: T.i32 },
  sh_ring_pending: { args: [T.ptr], returns: T.u32 },
  sh_ring_close: { args: [T.ptr], returns: T.void },
  sh_outline: { args: [T.ptr, T.u32, T.ptr], returns: T.i32 },
  sh_reader_gone: { args: [T.i32], returns: T.i32 },
  sh_grow_pipe: { args: [T.i32, T.u32], returns: T.void },
  sh_clocks: { args: [T.ptr, T.ptr], returns: T.void },
} as const;

function load() {
  const libc = dlopen("libc.so.6", {
    memfd_create: { args: [T.ptr, T.u32], returns: T.i32 },
  });
  const name = text("libshim.so");
  let fd = libc.symbols.memfd_create(ptr(name), MFD_CLOEXEC | MFD_EXEC);
  if (fd < 0) fd = libc.symbols.memfd_create(ptr(name), MFD_CLOEXEC);
  // a memfd works with a noexec /tmp and leaves nothing on disk
  if (fd < 0) return dlopen(embeddedShimPath, SYMBOLS);
  const bytes = readShim();
  for (let written = 0; written < bytes.length; ) {
    written += writeSync(fd, bytes, written);
  }
  return dlopen(`/proc/self/fd/${fd}`, SYMBOLS);
}

let loaded: ReturnType<typeof load> | undefined;

/** The shim's functions; loaded at the first call, so that `--help` works where it cannot be. */
export function shim(): ReturnType<typeof load>["symbols"] {
  loaded ??= load();
  return loaded.symbols;
}

/** NUL-terminated UTF-8, for a C string argument. */
export function text(value: string): Uint8Array {
  return Buffer.from(`${value}\0`);
}

/** What libbpf said since the last call. */
export function takeLog(): string {
  const buffer = Buffer.alloc(256 * 1024);
  const length = shim().sh_log_take(ptr(buffer), buffer.length);
  return buffer.toString("utf8", 0, length);
}
