/**
 * A database of any version in, one of this version out: the steps that made the schema what it is, in order. A step that
 * was released never changes. What the tables mean: docs/history.md.
 *
 * Plain: no STRICT, no generated columns, no functions beyond SQLite's own, so that old readers can read it. Ids come
 * from one counter: they are the order in which things were heard, over all tables and runs.
 */

/** "ovhr": tells our databases from others'. */
export const APPLICATION_ID = 0x6f_76_68_72;

/** What a run of overhear heard of MCP. */
const EXCHANGES = `
CREATE TABLE runs (
  id INTEGER PRIMARY KEY,
  start_us INTEGER NOT NULL,
  boot_id TEXT,
  pid INTEGER NOT NULL,
  pid_start TEXT NOT NULL,
  version TEXT NOT NULL,
  is_replay INTEGER NOT NULL,
  is_redacted INTEGER NOT NULL,
  body_limit INTEGER NOT NULL,
  records_files INTEGER NOT NULL,
  end_us INTEGER,
  ended_by TEXT,
  front_end TEXT,
  kernel TEXT,
  exact INTEGER,
  summary TEXT,
  own_sessions INTEGER NOT NULL DEFAULT 0,
  dropped_rows INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE segments (
  id INTEGER PRIMARY KEY,
  run_id INTEGER NOT NULL,
  last_id INTEGER NOT NULL,
  start_us INTEGER NOT NULL,
  end_us INTEGER NOT NULL,
  end_ns INTEGER NOT NULL,
  sessions INTEGER NOT NULL,
  messages INTEGER NOT NULL,
  message_bytes INTEGER NOT NULL,
  calls INTEGER NOT NULL,
  failed_calls INTEGER NOT NULL,
  connections INTEGER NOT NULL
);
CREATE INDEX segments_end ON segments (end_us);
CREATE TABLE removed (
  rows INTEGER NOT NULL,
  before_us INTEGER
);
INSERT INTO removed VALUES (0, NULL);
CREATE TABLE parties (
  id INTEGER PRIMARY KEY,
  segment_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  pid INTEGER,
  start_us INTEGER,
  comm TEXT,
  command_line TEXT,
  container_id TEXT,
  exit_us INTEGER,
  exit_code INTEGER,
  exit_signal INTEGER,
  address TEXT
);
CREATE INDEX parties_pid ON parties (pid) WHERE pid IS NOT NULL;
CREATE TABLE channels (
  id INTEGER PRIMARY KEY,
  segment_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  from_address TEXT,
  from_port INTEGER,
  to_address TEXT,
  to_port INTEGER
);
CREATE TABLE sessions (
  id INTEGER PRIMARY KEY,
  segment_id INTEGER NOT NULL,
  run_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  transport TEXT NOT NULL,
  client_id INTEGER,
  server_id INTEGER,
  client_name TEXT NOT NULL,
  client_version TEXT,
  server_name TEXT NOT NULL,
  server_version TEXT,
  host TEXT,
  http_session_id TEXT,
  protocol_version TEXT,
  era TEXT,
  client_capabilities TEXT,
  server_capabilities TEXT,
  late_attach INTEGER NOT NULL,
  start_us INTEGER NOT NULL,
  end_us INTEGER,
  end_reason TEXT,
  messages INTEGER NOT NULL,
  calls INTEGER NOT NULL,
  failed_calls INTEGER NOT NULL
);
CREATE INDEX sessions_open ON sessions (id) WHERE end_us IS NULL;
CREATE TABLE session_events (
  id INTEGER PRIMARY KEY,
  session_id INTEGER NOT NULL,
  event TEXT NOT NULL,
  time_us INTEGER NOT NULL,
  client_id INTEGER,
  server_id INTEGER,
  messages INTEGER NOT NULL,
  open_calls INTEGER NOT NULL
);
CREATE TABLE exchanges (
  id INTEGER PRIMARY KEY,
  segment_id INTEGER NOT NULL,
  number INTEGER NOT NULL,
  start_us INTEGER NOT NULL,
  request_channel_id INTEGER,
  response_channel_id INTEGER,
  method TEXT,
  path TEXT,
  host TEXT,
  request_version TEXT,
  request_session_id TEXT,
  request_protocol_version TEXT,
  mcp_method TEXT,
  mcp_name TEXT,
  status INTEGER,
  response_version TEXT,
  content_type TEXT,
  response_session_id TEXT,
  response_protocol_version TEXT
);
CREATE TABLE http (
  id INTEGER PRIMARY KEY,
  time_us INTEGER NOT NULL,
  session_id INTEGER,
  exchange_id INTEGER NOT NULL,
  from_id INTEGER,
  to_id INTEGER,
  outcome TEXT NOT NULL,
  flags TEXT
);
CREATE TABLE messages (
  id INTEGER PRIMARY KEY,
  session_id INTEGER NOT NULL,
  time_us INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  from_client INTEGER NOT NULL,
  type TEXT NOT NULL,
  rpc_id TEXT,
  method TEXT,
  target TEXT,
  from_id INTEGER,
  to_id INTEGER,
  channel_id INTEGER NOT NULL,
  exchange_id INTEGER,
  http_place TEXT,
  event_id TEXT,
  queued_us INTEGER,
  bytes INTEGER NOT NULL,
  batch_index INTEGER,
  batch_size INTEGER,
  flags TEXT,
  call_id INTEGER,
  is_cut INTEGER NOT NULL,
  body TEXT
);
CREATE INDEX messages_session ON messages (session_id);
CREATE INDEX messages_call ON messages (call_id) WHERE call_id IS NOT NULL;
CREATE TABLE tools (
  id INTEGER PRIMARY KEY,
  segment_id INTEGER NOT NULL,
  server TEXT NOT NULL,
  method TEXT NOT NULL,
  target TEXT NOT NULL,
  UNIQUE (target, method, server)
);
CREATE TABLE calls (
  id INTEGER PRIMARY KEY,
  session_id INTEGER NOT NULL,
  tool_id INTEGER NOT NULL,
  from_client INTEGER NOT NULL,
  rpc_id TEXT,
  outcome TEXT NOT NULL,
  start_us INTEGER NOT NULL,
  end_us INTEGER,
  duration_us INTEGER,
  server_us INTEGER,
  octave INTEGER,
  error_code INTEGER,
  error_text TEXT,
  request_bytes INTEGER NOT NULL,
  response_bytes INTEGER NOT NULL,
  response_id INTEGER,
  progress INTEGER NOT NULL,
  logs INTEGER NOT NULL,
  chain TEXT
);
CREATE INDEX calls_session ON calls (session_id);
CREATE INDEX calls_tool ON calls (tool_id);
CREATE INDEX calls_octave ON calls (octave) WHERE octave IS NOT NULL;
CREATE INDEX calls_unwell ON calls (outcome) WHERE outcome <> 'ok';
CREATE INDEX calls_unwell_tool ON calls (tool_id, outcome) WHERE outcome <> 'ok';
CREATE TABLE coverage (
  id INTEGER PRIMARY KEY,
  time_us INTEGER NOT NULL,
  reason TEXT NOT NULL,
  count INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  channel_id INTEGER,
  from_id INTEGER,
  to_id INTEGER,
  party_id INTEGER
);
CREATE TABLE losses (
  id INTEGER PRIMARY KEY,
  time_us INTEGER NOT NULL,
  reason TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  channel_id INTEGER,
  from_id INTEGER,
  to_id INTEGER
);
`;

/** What processes did besides. */
const EFFECTS = `
CREATE TABLE hosts (
  id INTEGER PRIMARY KEY,
  segment_id INTEGER NOT NULL,
  name TEXT NOT NULL UNIQUE
);
CREATE TABLE connections (
  id INTEGER PRIMARY KEY,
  run_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  process_id INTEGER,
  peer_id INTEGER,
  pid INTEGER,
  comm TEXT,
  container_id TEXT,
  direction TEXT NOT NULL,
  protocol TEXT NOT NULL,
  family TEXT NOT NULL,
  socket_type TEXT NOT NULL,
  local_address TEXT,
  local_port INTEGER,
  remote_address TEXT,
  remote_port INTEGER,
  path TEXT,
  host_name TEXT,
  host_source TEXT,
  names TEXT,
  host_id INTEGER,
  named_host_id INTEGER,
  start_us INTEGER NOT NULL,
  start_ns INTEGER NOT NULL,
  open_before INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  errno TEXT,
  established INTEGER NOT NULL,
  established_us INTEGER,
  latency_us INTEGER,
  end_us INTEGER,
  lasted_us INTEGER,
  sent_bytes INTEGER NOT NULL,
  received_bytes INTEGER NOT NULL,
  closed_by TEXT,
  call_id INTEGER
);
CREATE INDEX connections_pid ON connections (pid) WHERE pid IS NOT NULL;
CREATE INDEX connections_comm ON connections (comm) WHERE comm IS NOT NULL;
CREATE INDEX connections_container ON connections (container_id) WHERE container_id IS NOT NULL;
CREATE INDEX connections_host ON connections (host_id) WHERE host_id IS NOT NULL;
CREATE INDEX connections_named ON connections (named_host_id) WHERE named_host_id IS NOT NULL;
CREATE INDEX connections_port ON connections (remote_port) WHERE remote_port IS NOT NULL;
CREATE INDEX connections_kind ON connections (protocol, direction);
CREATE INDEX connections_unwell ON connections (outcome)
  WHERE outcome NOT IN ('established', 'closed');
CREATE INDEX connections_open ON connections (id) WHERE end_us IS NULL;
CREATE TABLE connection_events (
  id INTEGER PRIMARY KEY,
  connection_id INTEGER NOT NULL,
  event TEXT NOT NULL,
  time_us INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  sent_bytes INTEGER NOT NULL,
  received_bytes INTEGER NOT NULL
);
CREATE TABLE effects (
  id INTEGER PRIMARY KEY,
  call_id INTEGER NOT NULL,
  is_late INTEGER NOT NULL,
  time_us INTEGER NOT NULL,
  kind TEXT NOT NULL,
  process_id INTEGER,
  argv TEXT,
  child_id INTEGER,
  connection_id INTEGER,
  host_id INTEGER,
  named_host_id INTEGER,
  outcome TEXT,
  change TEXT,
  path TEXT,
  to_path TEXT,
  candidates TEXT
);
CREATE INDEX effects_call ON effects (call_id, kind);
CREATE INDEX effects_connection ON effects (connection_id) WHERE connection_id IS NOT NULL;
CREATE INDEX effects_host ON effects (host_id, call_id) WHERE host_id IS NOT NULL;
CREATE INDEX effects_named ON effects (named_host_id, call_id) WHERE named_host_id IS NOT NULL;
`;

/** Sums by segment: what asks about all tools or all hosts reads these, not ten million rows. */
const SUMS = `
CREATE TABLE call_sums (
  segment_id INTEGER NOT NULL,
  tool_id INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  about_us INTEGER NOT NULL,
  calls INTEGER NOT NULL,
  total_us INTEGER NOT NULL,
  max_us INTEGER NOT NULL,
  PRIMARY KEY (segment_id, tool_id, outcome, about_us)
) WITHOUT ROWID;
CREATE TABLE connection_sums (
  segment_id INTEGER NOT NULL,
  comm TEXT NOT NULL,
  host_id INTEGER NOT NULL,
  port INTEGER NOT NULL,
  direction TEXT NOT NULL,
  outcome TEXT NOT NULL,
  errno TEXT NOT NULL,
  about_us INTEGER NOT NULL,
  connections INTEGER NOT NULL,
  sent_bytes INTEGER NOT NULL,
  received_bytes INTEGER NOT NULL,
  PRIMARY KEY (segment_id, comm, host_id, port, direction, outcome, errno, about_us)
) WITHOUT ROWID;
CREATE TABLE effect_sums (
  segment_id INTEGER NOT NULL,
  tool_id INTEGER NOT NULL,
  kind TEXT NOT NULL,
  what TEXT NOT NULL,
  effects INTEGER NOT NULL,
  PRIMARY KEY (segment_id, tool_id, kind, what)
) WITHOUT ROWID;
`;

/** Text beside the messages of a session. */
const NOISE = `
CREATE TABLE noise (
  id INTEGER PRIMARY KEY,
  session_id INTEGER NOT NULL,
  time_us INTEGER NOT NULL,
  from_client INTEGER NOT NULL,
  channel_id INTEGER,
  from_id INTEGER,
  to_id INTEGER,
  text TEXT NOT NULL,
  lines INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  holds_message INTEGER NOT NULL
);
`;

/** Who left a session that goes on; who shares a message with its reader, as JSON. */
const HOPS = `
ALTER TABLE session_events ADD COLUMN left_id INTEGER;
ALTER TABLE messages ADD COLUMN other_readers TEXT;
`;

/** Step n makes a database of version n from one of version n − 1. */
export const STEPS: readonly string[] = [EXCHANGES, EFFECTS, SUMS, NOISE, HOPS];

export const VERSION = STEPS.length;
