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
  socket: 11,
  close: 12,
} as const;

export const IO_FLAG = { fault: 1, cut: 2, wanted: 4, written: 8, local: 16 } as const;

export const CHANNEL_KINDS = [
  undefined,
  "pipe",
  "fifo",
  "unix-stream",
  "unix-seqpacket",
  "unix-dgram",
  "tcp",
] as const;

export const IO_EVENT = {
  kind: 0,
  flags: 4,
  channel: 8,
  generation: 16,
  time_ns: 24,
  moved: 32,
  lost: 40,
  skipped: 48,
  start_ns: 56,
  peer: 64,
  len: 72,
  cap_len: 76,
  tgid: 80,
  tid: 84,
  channel_kind: 88,
  peer_generation: 92,
  comm: 96,
  size: 112,
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

export const SOCKET_EVENT = {
  kind: 0,
  flags: 4,
  time_ns: 8,
  channel: 16,
  generation: 24,
  reverse: 32,
  reverse_generation: 40,
  from_address: 48,
  to_address: 64,
  from_port: 80,
  to_port: 84,
  size: 88,
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
  snd_nxt: 52,
  rcv_nxt: 56,
  comm: 64,
  size: 80,
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
  skipped: 128,
  write_ns: 136,
  write_len: 144,
  speaks: 148,
  verdict: 152,
  interest: 156,
  announced: 160,
  late: 164,
  request_at: 168,
  answered: 176,
  asked: 184,
  size: 192,
} as const;

/** struct link of bpf/maps.h */
export const LINK = {
  peer: 0,
  send_start: 8,
  receive_start: 12,
  late: 16,
  gone: 20,
  local: 24,
  dull: 28,
  tries: 32,
  strangers: 36,
  own: 40,
  peers: 64,
  size: 88,
} as const;

/** struct channel_key of bpf/maps.h */
export const CHANNEL_KEY = { channel: 0, generation: 8, size: 16 } as const;

export const COMM_LEN = 16;
export const IGNORED_SLOTS = 16384;
