/** The questions that people ask of a history, each by a name, in; rows out. docs/history.md shows them. */
import type { Database } from "bun:sqlite";
import {
  CALL_LIST,
  CONNECTION_LIST,
  EFFECT_LIST,
  effectSummary,
  failureSummary,
  hostSummary,
  isoTime,
  toolSummary,
} from "./sql-parts.ts";

export type Value = string | number | bigint | Uint8Array | boolean | null;

export interface Answer {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Value[])[];
}

export interface Asked {
  /** Wall clock, µs: nothing older; 0: everything. */
  readonly sinceUs: number;
  readonly limit: number;
  /** A host, a server; undefined: any. */
  readonly about: string | undefined;
}

export interface Question {
  readonly name: string;
  /** What it may, or must, be told. */
  readonly about?: { readonly name: string; readonly isNeeded: boolean };
  readonly says: string;
  /** Has $since, $limit and $about; one with $octave is asked from the longest calls down until there are enough. */
  readonly sql: string;
}

/** The first id that may be of the window: ids ascend with time, segments know both. */
const FIRST = "(SELECT coalesce(min(id), 9007199254740991) FROM segments WHERE end_us >= $since)";
const SEGMENTS = "segment_id IN (SELECT id FROM segments WHERE end_us >= $since)";
const CALLS = `calls.id >= ${FIRST} AND calls.start_us >= $since`;
const FAILED = "('error', 'tool_error', 'cancelled', 'unanswered')";
const SERVER = { name: "SERVER", isNeeded: false };

function ofServer(column: string): string {
  return `($about IS NULL OR ${column} = $about)`;
}

export const QUESTIONS: readonly Question[] = [
  {
    name: "tools",
    about: SERVER,
    says: "tools and other methods, the slowest first",
    sql: `SELECT * FROM (${toolSummary(SEGMENTS)}) WHERE ${ofServer("server")} ORDER BY p95_ms DESC NULLS LAST, calls DESC LIMIT $limit`,
  },
  {
    name: "slow",
    says: "single calls, the slowest first",
    sql: `${CALL_LIST} WHERE calls.id IN (SELECT id FROM calls WHERE octave = $octave AND ${CALLS} ORDER BY duration_us DESC LIMIT $limit) ORDER BY calls.duration_us DESC`,
  },
  {
    name: "failures",
    about: SERVER,
    says: "why calls failed, the most frequent cause first",
    sql: `SELECT * FROM (${failureSummary(CALLS)}) WHERE ${ofServer("server")} ORDER BY calls DESC, last_call_id DESC LIMIT $limit`,
  },
  {
    name: "failed",
    says: "single calls that failed, the newest first",
    sql: `${CALL_LIST} WHERE calls.id IN (SELECT id FROM calls WHERE outcome <> 'ok' AND outcome IN ${FAILED} AND ${CALLS} ORDER BY id DESC LIMIT $limit) ORDER BY calls.id DESC`,
  },
  {
    name: "open",
    says: "calls without an answer yet, the oldest first",
    sql: `${CALL_LIST} WHERE calls.id IN (SELECT id FROM calls WHERE outcome = 'open' AND outcome <> 'ok' AND ${CALLS} ORDER BY id LIMIT $limit) ORDER BY calls.id`,
  },
  {
    name: "reached",
    about: { name: "HOST", isNeeded: true },
    says: "who reached HOST (a name, an address or the path of a Unix socket), and for which call",
    sql: `SELECT list.start, list.program, list.pid, list.remote, list.port, list.outcome, list.errno, list.latency_ms, list.sent_bytes, list.received_bytes, tools.server, nullif(tools.target, '') AS target, list.call_id FROM (${CONNECTION_LIST} WHERE connections.id IN (SELECT id FROM (SELECT id FROM connections WHERE host_id = (SELECT id FROM hosts WHERE name = lower($about)) AND id >= ${FIRST} AND start_us >= $since ORDER BY id DESC LIMIT $limit) UNION SELECT id FROM (SELECT id FROM connections WHERE named_host_id = (SELECT id FROM hosts WHERE name = lower($about)) AND id >= ${FIRST} AND start_us >= $since ORDER BY id DESC LIMIT $limit))) AS list LEFT JOIN calls ON calls.id = list.call_id LEFT JOIN tools ON tools.id = calls.tool_id ORDER BY list.id DESC LIMIT $limit`,
  },
  {
    name: "hosts",
    says: "which programs reached which hosts, the most frequent first",
    sql: `SELECT program, host, port, connections, failed, p50_ms, p95_ms, sent_bytes, received_bytes FROM (${hostSummary(SEGMENTS)}) WHERE direction = 'outgoing' ORDER BY connections DESC LIMIT $limit`,
  },
  {
    name: "refused",
    says: "connections that failed, by program, host and reason",
    sql: `SELECT nullif(comm, '') AS program, hosts.name AS host, nullif(port, 0) AS port, outcome, nullif(errno, '') AS errno, sum(connections) AS connections FROM connection_sums LEFT JOIN hosts ON hosts.id = host_id WHERE connection_sums.${SEGMENTS} AND outcome NOT IN ('established', 'in_progress') GROUP BY comm, host_id, port, outcome, errno HAVING sum(connections) > 0 ORDER BY connections DESC LIMIT $limit`,
  },
  {
    name: "ran",
    about: SERVER,
    says: "which programs the calls of a server ran, and which hosts they reached",
    sql: `SELECT * FROM (${effectSummary(SEGMENTS)}) WHERE ${ofServer("server")} AND kind IN ('exec', 'connect') ORDER BY effects DESC LIMIT $limit`,
  },
  {
    name: "changed",
    about: SERVER,
    says: "files that calls changed (recorded with --files), the newest first",
    sql: `SELECT list.time, list.server, list.target, list.change, list.path, list.to_path, list.program, list.call_id FROM (${EFFECT_LIST} WHERE effects.kind = 'file' AND effects.id >= ${FIRST} AND effects.time_us >= $since) AS list WHERE ${ofServer("list.server")} ORDER BY list.id DESC LIMIT $limit`,
  },
  {
    name: "servers",
    says: "servers, their command lines, and what was asked of them",
    sql: `SELECT server_name AS server, max(server_version) AS version, count(*) AS sessions, sum(calls) AS calls, sum(failed_calls) AS failed, ${isoTime("max(coalesce(sessions.end_us, sessions.start_us))")} AS last, max(coalesce(parties.command_line, parties.address)) AS command FROM sessions LEFT JOIN parties ON parties.id = sessions.server_id WHERE coalesce(sessions.end_us, 9007199254740991) >= $since GROUP BY server_name ORDER BY calls DESC LIMIT $limit`,
  },
  {
    name: "traffic",
    says: "messages, calls and connections by the hour, the newest first",
    sql: `SELECT strftime('%Y-%m-%dT%H:00Z', start_us / 1000000, 'unixepoch') AS hour, sum(sessions) AS sessions, sum(messages) AS messages, sum(message_bytes) AS message_bytes, sum(calls) AS calls, sum(failed_calls) AS failed_calls, sum(connections) AS connections FROM segments WHERE end_us >= $since GROUP BY 1 ORDER BY 1 DESC LIMIT $limit`,
  },
  {
    name: "noise",
    about: SERVER,
    says: "text beside the messages, such as logs on standard output, by server, the most first",
    sql: `SELECT sessions.server_name AS server, CASE from_client WHEN 1 THEN 'client-to-server' ELSE 'server-to-client' END AS direction, sum(lines) AS lines, sum(noise.bytes) AS bytes, max(holds_message) AS holds_message, min(text) AS example FROM noise JOIN sessions ON sessions.id = session_id WHERE noise.id >= ${FIRST} AND time_us >= $since AND text <> '' AND ${ofServer("server_name")} GROUP BY 1, 2 ORDER BY bytes DESC LIMIT $limit`,
  },
  {
    name: "unheard",
    says: "what was lost or could not be heard, by reason",
    sql: `SELECT 'lost' AS what, reason, count(*) AS times, sum(bytes) AS bytes FROM losses WHERE id >= ${FIRST} AND time_us >= $since GROUP BY reason UNION ALL SELECT 'not heard', reason, sum(count), sum(bytes) FROM coverage WHERE id >= ${FIRST} AND time_us >= $since GROUP BY reason ORDER BY 1, 3 DESC LIMIT $limit`,
  },
  {
    name: "runs",
    says: "when overhear listened, and how that ended",
    sql: "SELECT * FROM run_list ORDER BY id DESC LIMIT $limit",
  },
];

/** Of a call: 36 years. */
const LONGEST_OCTAVE = 50;

/** @throws SQLiteError */
export function answer(db: Database, { sql }: Question, asked: Asked): Answer {
  const values = { $since: asked.sinceUs, $limit: asked.limit, $about: asked.about ?? null };
  if (!sql.includes("$octave")) return rowsOf(db, sql, values);
  const rows: (readonly Value[])[] = [];
  let columns: readonly string[] = [];
  for (let octave = LONGEST_OCTAVE; octave >= 0 && rows.length < asked.limit; octave--) {
    const part = rowsOf(db, sql, { ...values, $octave: octave });
    ({ columns } = part);
    rows.push(...part.rows.slice(0, asked.limit - rows.length));
  }
  return { columns, rows };
}

/** Any SQL that reads. @throws SQLiteError */
export function answerSql(db: Database, sql: string): Answer {
  return rowsOf(db, sql, {});
}

function rowsOf(
  db: Database,
  sql: string,
  values: Readonly<Record<string, string | number | null>>,
): Answer {
  using statement = db.prepare<unknown, Record<string, string | number | null>[]>(sql);
  const used = Object.entries(values).filter(([name]) => sql.includes(name));
  const rows = statement.values(Object.fromEntries(used));
  return { columns: statement.columnNames, rows };
}
