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
  tls: 13,
  mapped: 20,
  tls_seen: 21,
  tls_unheard: 22,
  tls_strange: 23,
  connection: 14,
  greeting: 15,
  dns: 16,
  file_change: 17,
} as const;

export const IO_FLAG = { fault: 1, cut: 2, wanted: 4, written: 8, local: 16, late: 32 } as const;

export const TLS_FLAG = { local: 1, unheard: 2 } as const;

export const CHANNEL_KINDS = [
  undefined,
  "pipe",
  "fifo",
  "unix-stream",
  "unix-seqpacket",
  "unix-dgram",
  "tcp",
  "tls",
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
  streams: 1088,
  size: 1136,
} as const;

export const STANDARD_STREAM = { inode: 0, mode: 8, device: 12, size: 16 } as const;

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

export const MAPPED_EVENT = {
  kind: 0,
  tgid: 4,
  time_ns: 8,
  file: 16,
  size: 40,
} as const;

/** struct tls_user of bpf/maps.h */
export const TLS_USER = {
  seen: 0,
  heard: 4,
  known: 8,
  strangers: 12,
  early: 16,
  size: 20,
} as const;

export const TLS_EVENT = {
  kind: 0,
  flags: 4,
  time_ns: 8,
  channel: 16,
  generation: 24,
  start_ns: 32,
  socket: 40,
  peer: 48,
  tgid: 56,
  inode: 60,
  own_address: 64,
  peer_address: 80,
  own_port: 96,
  peer_port: 100,
  peer_inode: 104,
  comm: 112,
  peer_start_ns: 128,
  peer_tgid: 136,
  size: 144,
} as const;

export const CONNECTION_EVENT = {
  kind: 0,
  what: 4,
  time_ns: 8,
  socket: 16,
  start_ns: 24,
  established_ns: 32,
  owner_start_ns: 40,
  sent: 48,
  received: 56,
  inode: 64,
  peer_socket: 72,
  tgid: 80,
  peer_tgid: 84,
  flags: 88,
  error: 92,
  state: 96,
  previous: 100,
  netns: 104,
  own_port: 108,
  peer_port: 112,
  family: 116,
  type: 118,
  protocol: 120,
  path_len: 122,
  own_address: 128,
  peer_address: 144,
  comm: 160,
  path: 176,
  size: 288,
} as const;

export const CONNECTION_WHAT = { attempt: 1, outcome: 2, end: 3, found: 4, gone: 5 } as const;

export const CONNECTION_FLAG = {
  accepted: 1,
  before: 2,
  fin_sent: 4,
  fin_received: 8,
  reset: 16,
  failed: 32,
  listens: 64,
  returned: 256,
  told: 512,
  ended: 1024,
  greeted: 2048,
} as const;

export const PAYLOAD_EVENT = {
  kind: 0,
  len: 4,
  time_ns: 8,
  socket: 16,
  start_ns: 24,
  bytes: 32,
  size: 2080,
} as const;

/** The offsets of a place are those within it. */
export const FILE_CHANGE_EVENT = {
  kind: 0,
  change: 4,
  time_ns: 8,
  start_ns: 16,
  tgid: 24,
  comm: 32,
  place: 48,
  to: 1592,
  size: 3136,
} as const;

export const FILE_PLACE = {
  directories_len: 0,
  name_len: 2,
  directories: 8,
  name: 1032,
  size: 1544,
} as const;

export const FILE_CHANGE = { created: 1, written: 2, renamed: 3, unlinked: 4 } as const;

/** struct connection of bpf/connections.h */
export const CONNECTION = {
  start_ns: 0,
  established_ns: 8,
  owner_start_ns: 16,
  inode: 24,
  peer_socket: 32,
  sent: 40,
  received: 48,
  last_ns: 56,
  tgid: 64,
  tid: 68,
  peer_tgid: 72,
  flags: 76,
  error: 80,
  state: 84,
  port: 88,
  address: 96,
  comm: 112,
  size: 128,
} as const;

/** struct destination_key of bpf/connections.h */
export const DESTINATION_KEY = { socket: 0, address: 8, port: 24, size: 32 } as const;

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
  awaits: 176,
  quiet: 180,
  size: 184,
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

/** struct early of bpf/maps.h: a part of the above. */
export const EARLY = { start_ns: 0, time_ns: 8, tgid: 16, len: 20, size: 24 } as const;

/** struct channel_key of bpf/maps.h */
export const CHANNEL_KEY = { channel: 0, generation: 8, size: 16 } as const;

export const COMM_LEN = 16;
export const IGNORED_SLOTS = 16384;
export const ASIDE_SLOTS = 1024;

/** struct aside of bpf/maps.h */
export const ASIDE = { key: 0, slot: 8, tgid: 12, size: 16 } as const;
