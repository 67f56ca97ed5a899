/** A window in, what failed in it, alike failures as one, out. */
import type { Database } from "bun:sqlite";
import type { Outcome, Protocol } from "../../connections/types.ts";
import type {
  CallFailures,
  CallRecord,
  CallStatus,
  ConnectionFailures,
  Failures,
  FailuresAsked,
} from "../types.ts";
import { readByIds } from "./calls.ts";
import type { Bound, Condition } from "./paging.ts";
import { nameOf, orUndefined, toMs } from "./values.ts";
import { countWithin, idsWithin, timesWithin } from "./window.ts";

const MAX_SINGLE = 5;
const MAX_JOINED = 10;
/** Calls of one group whose connections are looked at: the newest. */
const MAX_SAMPLED = 1000;
const LONGEST_OCTAVE = 50;
const FAILED_CALLS = "('error', 'tool_error', 'cancelled', 'unanswered')";
/** Not those that were abandoned. */
const FAILED_CONNECTIONS = "('refused', 'timed_out', 'unreachable', 'reset', 'failed')";

export function readFailures(db: Database, asked: FailuresAsked): Failures {
  const calls = groupCalls(db, asked);
  const connections = groupConnections(db, asked);
  return {
    calls: countWithin(db, "calls", asked),
    connections: countWithin(db, "connections", asked),
    callFailures: calls.groups,
    moreCallFailures: calls.more,
    connectionFailures: connections.groups,
    moreConnectionFailures: connections.more,
    slowest: slowest(db, asked),
    waiting: waiting(db, asked),
  };
}

interface CallGroupRow {
  readonly tool_id: number;
  readonly server: string;
  readonly method: string;
  readonly target: string;
  readonly outcome: CallStatus;
  readonly error_code: number | null;
  readonly error_text: string | null;
  readonly n: number;
  readonly first_us: number;
  readonly last_us: number;
  readonly example: number;
}

function groupCalls(db: Database, asked: FailuresAsked) {
  const times = timesWithin(db, "calls", "start_us", asked);
  const rows = db
    .query<CallGroupRow, Bound[]>(
      `SELECT tool_id, server, method, target, outcome, error_code, error_text, count(*) AS n, min(calls.start_us) AS first_us, max(calls.start_us) AS last_us, max(calls.id) AS example FROM calls INDEXED BY calls_unwell JOIN tools ON tools.id = tool_id WHERE outcome <> 'ok' AND outcome IN ${FAILED_CALLS}${and(times)} GROUP BY tool_id, outcome, error_code, error_text ORDER BY n DESC, example DESC`,
    )
    .all(...valuesOf(times));
  return {
    groups: rows.slice(0, asked.limit).map((row) => callGroup(db, row, times)),
    more: Math.max(0, rows.length - asked.limit),
  };
}

function callGroup(db: Database, row: CallGroupRow, times: readonly Condition[]): CallFailures {
  return {
    serverName: row.server,
    method: row.method,
    target: row.target === "" ? undefined : row.target,
    status: row.outcome,
    errorCode: orUndefined(row.error_code),
    errorText: orUndefined(row.error_text),
    count: row.n,
    firstMs: toMs(row.first_us),
    lastMs: toMs(row.last_us),
    exampleId: nameOf("call", row.example),
    connections: joinedTo(db, row, times),
  };
}

interface ConnectionGroupRow {
  readonly comm: string | null;
  readonly host: string | null;
  readonly remote_port: number | null;
  readonly protocol: Protocol;
  readonly outcome: Outcome;
  readonly errno: string | null;
  readonly n: number;
  readonly first_us: number;
  readonly last_us: number;
  readonly example: number;
}

const GROUP_COLUMNS =
  "connections.comm, coalesce(host_name, remote_address, connections.path) AS host, remote_port, protocol, connections.outcome, errno, count(*) AS n, min(connections.start_us) AS first_us, max(connections.start_us) AS last_us, max(connections.id) AS example";
const GROUP_BY =
  "GROUP BY connections.comm, coalesce(host_name, remote_address, connections.path), remote_port, protocol, connections.outcome, errno ORDER BY n DESC, example DESC";

function joinedTo(
  db: Database,
  row: CallGroupRow,
  times: readonly Condition[],
): readonly ConnectionFailures[] {
  const values = [row.tool_id, row.outcome, row.error_code, row.error_text];
  return db
    .query<ConnectionGroupRow, (Bound | null)[]>(
      `SELECT ${GROUP_COLUMNS} FROM (SELECT id FROM calls INDEXED BY calls_unwell_tool WHERE tool_id = ? AND outcome <> 'ok' AND outcome = ? AND error_code IS ? AND error_text IS ?${and(times)} ORDER BY id DESC LIMIT ${MAX_SAMPLED}) AS sample CROSS JOIN effects ON effects.call_id = sample.id AND effects.kind = 'connect' CROSS JOIN connections ON connections.id = effects.connection_id WHERE connections.outcome IN ${FAILED_CONNECTIONS} ${GROUP_BY} LIMIT ${MAX_JOINED}`,
    )
    .all(...values, ...valuesOf(times))
    .map(connectionGroup);
}

function groupConnections(db: Database, asked: FailuresAsked) {
  const times = timesWithin(db, "connections", "start_us", asked);
  const rows = db
    .query<ConnectionGroupRow, Bound[]>(
      `SELECT ${GROUP_COLUMNS} FROM connections INDEXED BY connections_unwell WHERE outcome NOT IN ('established', 'closed') AND outcome IN ${FAILED_CONNECTIONS}${and(times)} ${GROUP_BY}`,
    )
    .all(...valuesOf(times));
  return {
    groups: rows.slice(0, asked.limit).map(connectionGroup),
    more: Math.max(0, rows.length - asked.limit),
  };
}

function connectionGroup(row: ConnectionGroupRow): ConnectionFailures {
  return {
    comm: orUndefined(row.comm),
    host: orUndefined(row.host),
    port: orUndefined(row.remote_port),
    protocol: row.protocol,
    outcome: row.outcome,
    errno: orUndefined(row.errno),
    count: row.n,
    firstMs: toMs(row.first_us),
    lastMs: toMs(row.last_us),
    exampleId: nameOf("connection", row.example),
  };
}

/** From the longest class down, until there are enough. */
function slowest(db: Database, asked: FailuresAsked): readonly CallRecord[] {
  const times = timesWithin(db, "calls", "start_us", asked);
  const find = db.query<{ id: number }, Bound[]>(
    `SELECT id FROM calls INDEXED BY calls_octave WHERE octave = ? AND outcome IN ('ok', 'input_required')${and(times)} ORDER BY duration_us DESC LIMIT ${MAX_SINGLE}`,
  );
  const ids: number[] = [];
  for (let octave = LONGEST_OCTAVE; octave >= 0 && ids.length < MAX_SINGLE; octave--) {
    ids.push(...find.all(octave, ...valuesOf(times)).map(({ id }) => id));
  }
  const order = ids.slice(0, MAX_SINGLE);
  return readByIds(db, order).toSorted(
    (one, other) => order.indexOf(one.row) - order.indexOf(other.row),
  );
}

/** Of runs that listen still: of others nobody would hear the answer. */
function waiting(db: Database, { untilMs }: FailuresAsked): readonly CallRecord[] {
  const { last } = idsWithin(db, { untilMs });
  const runs = db
    .query<{ first: number; last: number }, []>(
      "SELECT min(segments.id) AS first, max(last_id) AS last FROM segments JOIN runs ON runs.id = run_id WHERE runs.end_us IS NULL GROUP BY run_id",
    )
    .all();
  const ids = runs.flatMap((run) =>
    db
      .query<{ id: number }, [number, number]>(
        `SELECT id FROM calls INDEXED BY calls_unwell WHERE outcome <> 'ok' AND outcome = 'open' AND id BETWEEN ? AND ? ORDER BY id LIMIT ${MAX_SINGLE}`,
      )
      .all(run.first, Math.min(run.last, last))
      .map(({ id }) => id),
  );
  const oldest = ids.toSorted((one, other) => one - other).slice(0, MAX_SINGLE);
  return readByIds(db, oldest).toReversed();
}

function and(conditions: readonly Condition[]): string {
  return conditions.map(({ sql }) => ` AND ${sql}`).join("");
}

function valuesOf(conditions: readonly Condition[]): readonly Bound[] {
  return conditions.flatMap(({ values }) => values);
}
