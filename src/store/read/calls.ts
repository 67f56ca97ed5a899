/** A filter in, calls out, by whichever index leads to them soonest. */
import type { Database } from "bun:sqlite";
import { octaveOf } from "../latency-class.ts";
import type { CallFilter, CallRecord, CallStatus, Page, PageAsked } from "../types.ts";
import { hostIds } from "./hosts.ts";
import {
  type Bound,
  type Condition,
  equals,
  MAX_WAYS,
  marks,
  oneOf,
  pageOf,
  type Way,
  within,
} from "./paging.ts";
import { nameOf, orUndefined, rowOf, toMs, toMsOr } from "./values.ts";
import { micros, timesWithin } from "./window.ts";

interface CallRow {
  readonly id: number;
  readonly session_id: number;
  readonly client_name: string | null;
  readonly server: string;
  readonly method: string;
  readonly target: string;
  readonly from_client: number;
  readonly outcome: CallStatus;
  readonly start_us: number;
  readonly duration_us: number | null;
  readonly server_us: number | null;
  readonly error_code: number | null;
  readonly error_text: string | null;
  readonly request_bytes: number;
  readonly response_bytes: number;
}

/** A day and more is one class like the others: there are few. */
const LONGEST_OCTAVE = 50;
const NOTHING: Way = { from: "calls", sql: "0", values: [] };

export function readCalls(db: Database, filter: CallFilter, asked: PageAsked): Page<CallRecord> {
  const rest = [
    ...timesWithin(db, "calls", "start_us", filter),
    ...oneOf("calls.outcome", filter.statuses ?? []),
    ...longerThan(filter.minDurationMs),
    ...reached(db, filter.reachedHost),
  ];
  const session = filter.sessionId === undefined ? undefined : rowOf("session", filter.sessionId);
  if (filter.sessionId !== undefined && session === undefined) return { items: [], more: false };
  const { ids, more } = pageOf(
    db,
    waysTo(db, filter, session),
    [...rest, ...equals("calls.session_id", session), ...ofTools(filter)],
    asked,
    "calls.id",
  );
  return { items: readByIds(db, ids), more };
}

export function readByIds(db: Database, ids: readonly number[]): readonly CallRecord[] {
  if (ids.length === 0) return [];
  const effects = countEffects(db, ids);
  return db
    .query<CallRow, Bound[]>(
      `SELECT calls.id, session_id, client_name, tools.server, tools.method, tools.target, from_client, outcome, calls.start_us, duration_us, server_us, error_code, error_text, request_bytes, response_bytes FROM calls JOIN tools ON tools.id = tool_id LEFT JOIN sessions ON sessions.id = session_id WHERE calls.id IN (${marks(ids)}) ORDER BY calls.id DESC`,
    )
    .all(...ids)
    .map((row) => recordOf(row, effects.get(row.id) ?? NO_EFFECTS));
}

/** The index that leaves least to be looked through. */
function waysTo(db: Database, filter: CallFilter, session: number | undefined): readonly Way[] {
  const { reachedHost } = filter;
  if (reachedHost !== undefined && hostIds(db, reachedHost).length === 0) return [NOTHING];
  if (session !== undefined) return [by("calls_session", "session_id = ?", session)];
  if (reachedHost !== undefined) return waysToHost(db, reachedHost);
  const statuses = filter.statuses ?? [];
  const isUnwell = statuses.length > 0 && !statuses.includes("ok");
  const tools = toolsOf(db, filter);
  if (tools?.length === 0) return [NOTHING];
  if (isUnwell && tools !== undefined && tools.length * statuses.length <= MAX_WAYS) {
    return tools.flatMap((tool) =>
      statuses.map((status) =>
        by("calls_unwell_tool", "tool_id = ? AND outcome <> 'ok' AND outcome = ?", tool, status),
      ),
    );
  }
  if (isUnwell) {
    return statuses.map((status) => by("calls_unwell", "outcome <> 'ok' AND outcome = ?", status));
  }
  if (tools !== undefined && tools.length <= MAX_WAYS) {
    return tools.map((tool) => by("calls_tool", "tool_id = ?", tool));
  }
  const { minDurationMs } = filter;
  if (minDurationMs !== undefined && minDurationMs > 0) {
    const first = Math.min(octaveOf(micros(minDurationMs)), LONGEST_OCTAVE);
    return Array.from({ length: LONGEST_OCTAVE - first + 1 }, (_, index) =>
      by("calls_octave", "octave = ?", first + index),
    );
  }
  return [{ from: "calls NOT INDEXED", sql: "", values: [] }];
}

function by(index: string, sql: string, ...values: readonly Bound[]): Way {
  return { from: `calls INDEXED BY ${index}`, sql, values };
}

function waysToHost(db: Database, host: string): readonly Way[] {
  return hostIds(db, host).flatMap((id) =>
    ["host", "named"].map((kind) => ({
      id: "effects.call_id",
      from: `effects INDEXED BY effects_${kind} CROSS JOIN calls ON calls.id = effects.call_id`,
      sql: `effects.${kind === "host" ? "host_id" : "named_host_id"} = ?`,
      values: [id],
    })),
  );
}

/** Which rows of tools the filter names; undefined: it names none. */
function toolsOf(db: Database, filter: CallFilter): readonly number[] | undefined {
  const conditions = toolConditions(filter);
  if (conditions.length === 0) return undefined;
  return db
    .query<{ id: number }, Bound[]>(
      `SELECT id FROM tools WHERE ${conditions.map(({ sql }) => sql).join(" AND ")} LIMIT ${MAX_WAYS + 1}`,
    )
    .all(...conditions.flatMap(({ values }) => values))
    .map(({ id }) => id);
}

function ofTools(filter: CallFilter): readonly Condition[] {
  const conditions = toolConditions(filter);
  if (conditions.length === 0) return [];
  return [
    {
      sql: `calls.tool_id IN (SELECT id FROM tools WHERE ${conditions.map(({ sql }) => sql).join(" AND ")})`,
      values: conditions.flatMap(({ values }) => values),
    },
  ];
}

function toolConditions({ method, target, server }: CallFilter): readonly Condition[] {
  return [
    ...equals("tools.target", target),
    ...equals("tools.method", method),
    ...within(["tools.server"], server),
  ];
}

function reached(db: Database, host: string | undefined): readonly Condition[] {
  if (host === undefined) return [];
  const [id] = hostIds(db, host);
  // there is no way to them (waysTo)
  if (id === undefined) return [];
  const sql =
    "EXISTS (SELECT 1 FROM effects AS reached WHERE reached.call_id = calls.id AND reached.kind = 'connect' AND (reached.host_id = ? OR reached.named_host_id = ?))";
  return [{ sql, values: [id, id] }];
}

function longerThan(ms: number | undefined): readonly Condition[] {
  if (ms === undefined || ms <= 0) return [];
  return [{ sql: "calls.duration_us >= ?", values: [micros(ms)] }];
}

type EffectCounts = CallRecord["effects"];

const NO_EFFECTS: EffectCounts = { exec: 0, fork: 0, connect: 0, file: 0 };

function countEffects(db: Database, ids: readonly number[]): ReadonlyMap<number, EffectCounts> {
  const counts = new Map<number, EffectCounts>();
  const rows = db
    .query<{ call_id: number; kind: keyof EffectCounts; n: number }, Bound[]>(
      `SELECT call_id, kind, count(*) AS n FROM effects WHERE call_id IN (${marks(ids)}) GROUP BY call_id, kind`,
    )
    .all(...ids);
  for (const { call_id: call, kind, n } of rows) {
    counts.set(call, { ...(counts.get(call) ?? NO_EFFECTS), [kind]: n });
  }
  return counts;
}

function recordOf(row: CallRow, effects: EffectCounts): CallRecord {
  return {
    row: row.id,
    id: nameOf("call", row.id),
    sessionId: nameOf("session", row.session_id),
    clientName: row.client_name ?? "unknown",
    serverName: row.server,
    direction: row.from_client === 1 ? "client-to-server" : "server-to-client",
    method: row.method,
    target: row.target === "" ? undefined : row.target,
    status: row.outcome,
    startMs: toMs(row.start_us),
    durationMs: toMsOr(row.duration_us),
    serverMs: toMsOr(row.server_us),
    errorCode: orUndefined(row.error_code),
    errorText: orUndefined(row.error_text),
    requestBytes: row.request_bytes,
    responseBytes: row.response_bytes,
    effects,
  };
}
