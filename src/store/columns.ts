/** Tables that are written row by row: their columns in, the statements that write them out. */

export const CALL_COLUMNS = [
  "id",
  "session_id",
  "tool_id",
  "from_client",
  "rpc_id",
  "outcome",
  "start_us",
  "end_us",
  "duration_us",
  "server_us",
  "octave",
  "error_code",
  "error_text",
  "request_bytes",
  "response_bytes",
  "response_id",
  "progress",
  "logs",
  "chain",
];

export const CONNECTION_COLUMNS = [
  "id",
  "run_id",
  "name",
  "process_id",
  "peer_id",
  "pid",
  "comm",
  "container_id",
  "direction",
  "protocol",
  "family",
  "socket_type",
  "local_address",
  "local_port",
  "remote_address",
  "remote_port",
  "path",
  "host_name",
  "host_source",
  "names",
  "host_id",
  "named_host_id",
  "start_us",
  "start_ns",
  "open_before",
  "outcome",
  "errno",
  "established",
  "established_us",
  "latency_us",
  "end_us",
  "lasted_us",
  "sent_bytes",
  "received_bytes",
  "closed_by",
];

export const EFFECT_COLUMNS = [
  "id",
  "call_id",
  "is_late",
  "time_us",
  "kind",
  "process_id",
  "argv",
  "child_id",
  "connection_id",
  "host_id",
  "named_host_id",
  "outcome",
  "change",
  "path",
  "to_path",
  "candidates",
];

export const SEGMENT_COLUMNS = [
  "id",
  "run_id",
  "last_id",
  "start_us",
  "end_us",
  "end_ns",
  "sessions",
  "messages",
  "message_bytes",
  "calls",
  "failed_calls",
  "connections",
];

export function insertSql(table: string, columns: readonly string[], how: string): string {
  return `${how} INTO ${table} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`;
}

/** A later row changes what it names and leaves the rest. */
export function upsertSql(table: string, columns: readonly string[]): string {
  const changes = columns.slice(1).map((column) => `${column} = excluded.${column}`);
  return `${insertSql(table, columns, "INSERT")} ON CONFLICT (id) DO UPDATE SET ${changes.join(", ")}`;
}
