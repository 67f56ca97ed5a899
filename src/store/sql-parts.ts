/** SQL that views and ready queries share. */

/** "2026-11-20T12:34:56.789012Z" of a column of µs. */
export function isoTime(column: string): string {
  return `strftime('%Y-%m-%dT%H:%M:%S', ${column} / 1000000, 'unixepoch') || printf('.%06dZ', ${column} % 1000000)`;
}

/** Milliseconds of a column of µs. */
export function millis(column: string): string {
  return `round(${column} / 1000.0, 3)`;
}

/** An empty text stands for none. */
export function orNull(column: string): string {
  return `nullif(${column}, '')`;
}

/** Outcomes of calls that ended as they should, as far as is known. */
export const WELL = "('ok', 'input_required', 'unheard')";

/** Value at a share of what lies in classes; `sums`: a table with the columns key, about_us, n. */
export function percentiles(sums: string): string {
  return `SELECT key, min(CASE WHEN upto >= total * 0.5 THEN about_us END) AS p50_us, min(CASE WHEN upto >= total * 0.95 THEN about_us END) AS p95_us FROM (SELECT key, about_us, sum(n) OVER (PARTITION BY key ORDER BY about_us) AS upto, sum(n) OVER (PARTITION BY key) AS total FROM ${sums} WHERE about_us > 0) GROUP BY key`;
}

/** By server, method and target. `window`: a condition on segment_id, or nothing. */
export function toolSummary(window: string): string {
  const where = window === "" ? "" : ` WHERE ${window}`;
  return `WITH sums AS (SELECT tool_id AS key, about_us, sum(calls) AS n FROM call_sums${where} GROUP BY 1, 2), parts AS (${percentiles("sums")}), totals AS (SELECT tool_id, sum(calls) AS calls, sum(CASE WHEN outcome IN ${WELL} THEN 0 ELSE calls END) AS failed, sum(total_us) AS total_us, sum(CASE WHEN about_us > 0 THEN calls ELSE 0 END) AS timed, max(max_us) AS max_us FROM call_sums${where} GROUP BY 1) SELECT tools.server, tools.method, ${orNull("tools.target")} AS target, totals.calls, totals.failed, ${millis("CAST(totals.total_us AS REAL) / nullif(totals.timed, 0)")} AS avg_ms, ${millis("min(parts.p50_us, totals.max_us)")} AS p50_ms, ${millis("min(parts.p95_us, totals.max_us)")} AS p95_ms, CASE WHEN totals.timed > 0 THEN ${millis("totals.max_us")} END AS max_ms FROM totals JOIN tools ON tools.id = totals.tool_id LEFT JOIN parts ON parts.key = totals.tool_id`;
}

/** By program, host, port and outcome. */
export function hostSummary(window: string): string {
  const where = window === "" ? "" : ` WHERE ${window}`;
  const key = "comm || char(10) || host_id || char(10) || port || char(10) || direction";
  return `WITH sums AS (SELECT ${key} AS key, about_us, sum(connections) AS n FROM connection_sums${where} GROUP BY 1, 2), parts AS (${percentiles("sums")}), totals AS (SELECT ${key} AS key, comm, host_id, port, direction, sum(connections) AS connections, sum(CASE WHEN outcome IN ('established', 'in_progress') THEN 0 ELSE connections END) AS failed, sum(sent_bytes) AS sent_bytes, sum(received_bytes) AS received_bytes FROM connection_sums${where} GROUP BY 1) SELECT ${orNull("totals.comm")} AS program, totals.direction, hosts.name AS host, nullif(totals.port, 0) AS port, totals.connections, totals.failed, ${millis("parts.p50_us")} AS p50_ms, ${millis("parts.p95_us")} AS p95_ms, totals.sent_bytes, totals.received_bytes FROM totals LEFT JOIN hosts ON hosts.id = totals.host_id LEFT JOIN parts ON parts.key = totals.key`;
}

/** What calls of a tool did, most frequent first. */
export function effectSummary(window: string): string {
  const where = window === "" ? "" : ` WHERE ${window}`;
  return `SELECT tools.server, tools.method, ${orNull("tools.target")} AS target, totals.kind, ${orNull("totals.what")} AS what, totals.effects FROM (SELECT tool_id, kind, what, sum(effects) AS effects FROM effect_sums${where} GROUP BY 1, 2, 3) AS totals JOIN tools ON tools.id = totals.tool_id`;
}

/** Calls that did not end well, alike ones as one. `window`: a condition on calls, or nothing. */
export function failureSummary(window: string): string {
  const where = window === "" ? "" : ` AND ${window}`;
  return `SELECT tools.server, tools.method, ${orNull("tools.target")} AS target, calls.outcome, calls.error_code, calls.error_text, count(*) AS calls, ${isoTime("max(calls.start_us)")} AS last, max(calls.id) AS last_call_id FROM calls JOIN tools ON tools.id = calls.tool_id WHERE calls.outcome IN ('error', 'tool_error', 'cancelled', 'unanswered') AND calls.outcome <> 'ok'${where} GROUP BY calls.tool_id, calls.outcome, calls.error_code, calls.error_text`;
}

const CALL_COLUMNS = `calls.id, ${isoTime("calls.start_us")} AS start, sessions.client_name AS client, tools.server, tools.method, ${orNull("tools.target")} AS target, calls.outcome, ${millis("calls.duration_us")} AS duration_ms, ${millis("calls.server_us")} AS server_ms, calls.error_code, calls.error_text`;

/** Calls with their names. */
export const CALL_LIST = `SELECT ${CALL_COLUMNS}, CASE calls.from_client WHEN 1 THEN 'client-to-server' ELSE 'server-to-client' END AS direction, calls.request_bytes, calls.response_bytes, calls.session_id, calls.response_id FROM calls JOIN tools ON tools.id = calls.tool_id LEFT JOIN sessions ON sessions.id = calls.session_id`;

export const CONNECTION_LIST = `SELECT connections.id, ${isoTime("connections.start_us")} AS start, connections.pid, connections.comm AS program, connections.container_id, connections.direction, connections.protocol, connections.local_address, connections.local_port, coalesce(connections.remote_address, connections.path) AS remote, connections.remote_port AS port, connections.host_name AS host, connections.host_source, connections.outcome, connections.errno, ${millis("connections.latency_us")} AS latency_ms, ${millis("connections.lasted_us")} AS lasted_ms, connections.sent_bytes, connections.received_bytes, connections.closed_by, connections.call_id FROM connections`;

export const EFFECT_LIST = `SELECT effects.id, ${isoTime("effects.time_us")} AS time, effects.call_id, tools.server, tools.method, ${orNull("tools.target")} AS target, effects.kind, parties.pid, parties.comm AS program, effects.argv, child.pid AS child_pid, coalesce(connections.host_name, connections.remote_address, connections.path) AS host, connections.remote_port AS port, connections.outcome, effects.change, effects.path, effects.to_path, effects.candidates FROM effects LEFT JOIN calls ON calls.id = effects.call_id LEFT JOIN tools ON tools.id = calls.tool_id LEFT JOIN parties ON parties.id = effects.process_id LEFT JOIN parties AS child ON child.id = effects.child_id LEFT JOIN connections ON connections.id = effects.connection_id`;

export const SESSION_LIST = `SELECT sessions.id, sessions.name, ${isoTime("sessions.start_us")} AS start, ${isoTime("sessions.end_us")} AS "end", sessions.end_reason, sessions.transport, sessions.client_name AS client, sessions.server_name AS server, sessions.server_version, sessions.protocol_version, client.pid AS client_pid, server.pid AS server_pid, coalesce(server.command_line, server.address) AS server_command, sessions.messages, sessions.calls, sessions.failed_calls, sessions.run_id FROM sessions LEFT JOIN parties AS client ON client.id = sessions.client_id LEFT JOIN parties AS server ON server.id = sessions.server_id`;

export const MESSAGE_LIST = `SELECT messages.id, ${isoTime("messages.time_us")} AS time, messages.session_id, messages.seq, CASE messages.from_client WHEN 1 THEN sessions.client_name ELSE sessions.server_name END AS "from", CASE messages.from_client WHEN 1 THEN sessions.server_name ELSE sessions.client_name END AS "to", messages.type, messages.rpc_id, messages.method, messages.target, messages.bytes, messages.is_cut, messages.body FROM messages LEFT JOIN sessions ON sessions.id = messages.session_id`;
