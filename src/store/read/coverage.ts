/** What a history holds, and what it does not, out. */
import type { Database } from "bun:sqlite";
import type { CoverageRecord, RunRecord } from "../types.ts";
import { orUndefined, textsOf, toMs, toMsOr } from "./values.ts";

const MAX_RUNS = 20;
const MAX_REASONS = 50;

interface RunRow {
  readonly start_us: number;
  readonly end_us: number | null;
  readonly ended_by: string | null;
  readonly front_end: string | null;
  readonly kernel: string | null;
  readonly exact: number | null;
  readonly version: string;
  readonly body_limit: number;
  readonly is_redacted: number;
  readonly records_files: number;
}

interface Sums {
  readonly sessions: number | null;
  readonly messages: number | null;
  readonly calls: number | null;
  readonly connections: number | null;
  readonly end_us: number | null;
}

export function readCoverage(db: Database): CoverageRecord {
  const runs = db
    .query<RunRow, [number]>("SELECT * FROM runs ORDER BY id DESC LIMIT ?")
    .all(MAX_RUNS);
  const sums = db
    .query<Sums, []>(
      "SELECT sum(sessions) AS sessions, sum(messages) AS messages, sum(calls) AS calls, sum(connections) AS connections, (SELECT end_us FROM segments ORDER BY id DESC LIMIT 1) AS end_us FROM segments",
    )
    .get();
  const dropped = db
    .query<{ dropped: number | null; own: number | null }, []>(
      "SELECT sum(dropped_rows) AS dropped, sum(own_sessions) AS own FROM runs",
    )
    .get();
  const removed = db.query<{ rows: number }, []>("SELECT rows FROM removed").get();
  const newest = runs[0];
  return {
    runs: runs.map(runOf),
    lastHeardMs: toMsOr(sums?.end_us ?? null),
    sessions: sums?.sessions ?? 0,
    calls: sums?.calls ?? 0,
    messages: sums?.messages ?? 0,
    connections: sums?.connections ?? 0,
    losses: readLosses(db),
    notHeard: readNotHeard(db),
    noise: readNoise(db),
    droppedRows: dropped?.dropped ?? 0,
    removedRows: removed?.rows ?? 0,
    ownSessions: dropped?.own ?? 0,
    bodyLimitBytes: newest?.body_limit ?? 0,
    isRedacted: newest?.is_redacted === 1,
    recordsFiles: newest?.records_files === 1,
  };
}

/** One that was killed never said when it ended. */
function runOf(row: RunRow): RunRecord {
  return {
    startMs: toMs(row.start_us),
    endMs: row.ended_by === "killed" ? undefined : toMsOr(row.end_us),
    frontEnd: orUndefined(row.front_end),
    kernel: orUndefined(row.kernel),
    exact: row.exact === null ? undefined : row.exact === 1,
    version: row.version,
  };
}

function readLosses(db: Database): CoverageRecord["losses"] {
  return db
    .query<{ reason: string; bytes: number; count: number }, []>(
      "SELECT reason, sum(bytes) AS bytes, count(*) AS count FROM losses GROUP BY reason ORDER BY bytes DESC",
    )
    .all();
}

interface NotHeardRow {
  readonly reason: string;
  readonly count: number;
  readonly example: number;
}

interface ExampleRow {
  readonly pid: number | null;
  readonly comm: string | null;
  readonly command_line: string | null;
  readonly channel: string | null;
}

function readNotHeard(db: Database): CoverageRecord["notHeard"] {
  return db
    .query<NotHeardRow, [number]>(
      "SELECT reason, sum(count) AS count, max(id) AS example FROM coverage GROUP BY reason ORDER BY count DESC LIMIT ?",
    )
    .all(MAX_REASONS)
    .map(({ reason, count, example }) => ({ reason, count, example: describe(db, example) }));
}

interface NoiseRow {
  readonly server: string;
  readonly lines: number;
  readonly bytes: number;
  /** "1…" before "0…": what holds a message comes first. */
  readonly example: string;
}

function readNoise(db: Database): CoverageRecord["noise"] {
  return db
    .query<NoiseRow, [number]>(
      "SELECT sessions.server_name AS server, sum(lines) AS lines, sum(bytes) AS bytes, max(holds_message || text) AS example FROM noise JOIN sessions ON sessions.id = session_id WHERE text <> '' GROUP BY server_name ORDER BY bytes DESC LIMIT ?",
    )
    .all(MAX_REASONS)
    .map(({ server, lines, bytes, example }) => ({
      serverName: server,
      lines,
      bytes,
      example: example.slice(1),
      holdsMessage: example.startsWith("1"),
    }));
}

/** "python[123]: python server.py", or the channel. */
function describe(db: Database, id: number): string | undefined {
  const row = db
    .query<ExampleRow, [number]>(
      "SELECT parties.pid, parties.comm, parties.command_line, channels.name AS channel FROM coverage LEFT JOIN parties ON parties.id = coalesce(party_id, to_id, from_id) LEFT JOIN channels ON channels.id = channel_id WHERE coverage.id = ?",
    )
    .get(id);
  if (row === null) return undefined;
  if (row.pid === null) return orUndefined(row.channel);
  const line = textsOf(row.command_line).join(" ");
  return `${row.comm ?? ""}[${row.pid}]${line === "" ? "" : `: ${line}`}`;
}
