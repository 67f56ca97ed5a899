/** Offsets and values of bpf/event.h and bpf/maps.h; test/kernel checks them against the object's BTF. */

export const EVENT = {
  data: 1,
  note: 2,
  eof: 3,
  unseen: 4,
  opaque: 5,
  exec: 6,
  exit: 7,
  broken: 8,
  uring: 9,
  fork: 10,
} as const;

export const IO_FLAG = { fault: 1, cut: 2, wanted: 4 } as const;

export const CHANNEL_KINDS = [
  undefined,
  "pipe",
  "fifo",
  "unix-stream",
  "unix-seqpacket",
  "unix-dgram",
] as const;

export const IO_EVENT = {
  kind: 0,
  flags: 4,
  channel: 8,
  generation: 16,
  time_ns: 24,
  moved: 32,
  lost: 40,
  start_ns: 48,
  peer: 56,
  len: 64,
  cap_len: 68,
  tgid: 72,
  tid: 76,
  channel_kind: 80,
  peer_generation: 84,
  comm: 88,
  size: 104,
} as const;

export const PROCESS_EVENT = {
  kind: 0,
  tgid: 4,
  time_ns: 8,
  start_ns: 16,
  cgroup_id: 24,
  parent_tgid: 32,
  exit_code: 36,
  command_line_len: 40,
  uid: 44,
  comm: 48,
  command_line: 64,
  size: 1088,
} as const;

export const HOLDER_EVENT = {
  channel: 0,
  generation: 8,
  peer: 16,
  start_ns: 24,
  tgid: 32,
  fd: 36,
  channel_kind: 40,
  mode: 44,
  buffered: 48,
  comm: 56,
  size: 72,
} as const;

/** struct channel of bpf/maps.h */
export const CHANNEL = {
  generation: 0,
  moved: 8,
  lost: 16,
  written: 24,
  unseen: 32,
  peer: 40,
  reader_start_ns: 48,
  writer_start_ns: 56,
  reader_tgid: 64,
  writer_tgid: 68,
  kind: 72,
  muted: 76,
  wanted: 80,
  opaque: 84,
  peer_generation: 88,
  broken: 92,
  base_moved: 96,
  base_lost: 104,
  base_written: 112,
  base_unseen: 120,
  size: 128,
} as const;

/** struct channel_key of bpf/maps.h */
export const CHANNEL_KEY = { channel: 0, generation: 8, size: 16 } as const;

export const COMM_LEN = 16;
export const IGNORED_SLOTS = 16384;
