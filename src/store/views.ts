/** The views of a database, for sqlite3 and whoever else reads it: documented in docs/history.md. */
import {
  CALL_LIST,
  CONNECTION_LIST,
  EFFECT_LIST,
  effectSummary,
  failureSummary,
  hostSummary,
  isoTime,
  MESSAGE_LIST,
  SESSION_LIST,
  toolSummary,
} from "./sql-parts.ts";

export interface View {
  readonly name: string;
  readonly sql: string;
}

export const VIEWS: readonly View[] = [
  { name: "call_list", sql: CALL_LIST },
  { name: "message_list", sql: MESSAGE_LIST },
  { name: "session_list", sql: SESSION_LIST },
  { name: "connection_list", sql: CONNECTION_LIST },
  { name: "effect_list", sql: EFFECT_LIST },
  { name: "tool_summary", sql: toolSummary("") },
  { name: "failure_summary", sql: failureSummary("") },
  { name: "host_summary", sql: hostSummary("") },
  { name: "effect_summary", sql: effectSummary("") },
  {
    name: "noise_list",
    sql: `SELECT noise.id, ${isoTime("time_us")} AS time, sessions.server_name AS server, CASE from_client WHEN 1 THEN 'client-to-server' ELSE 'server-to-client' END AS direction, text, lines, noise.bytes, holds_message, session_id FROM noise JOIN sessions ON sessions.id = session_id`,
  },
  {
    name: "not_heard",
    sql: "SELECT 'loss' AS kind, reason, count(*) AS times, sum(bytes) AS bytes FROM losses GROUP BY reason UNION ALL SELECT 'coverage', reason, sum(count), sum(bytes) FROM coverage GROUP BY reason",
  },
  {
    name: "traffic",
    sql: `SELECT strftime('%Y-%m-%dT%H:00Z', start_us / 1000000, 'unixepoch') AS hour, sum(sessions) AS sessions, sum(messages) AS messages, sum(message_bytes) AS message_bytes, sum(calls) AS calls, sum(failed_calls) AS failed_calls, sum(connections) AS connections FROM segments GROUP BY 1`,
  },
  {
    name: "run_list",
    sql: `SELECT id, ${isoTime("start_us")} AS start, ${isoTime("end_us")} AS "end", ended_by, version, front_end, kernel, exact, is_replay, is_redacted, body_limit, dropped_rows FROM runs`,
  },
];
