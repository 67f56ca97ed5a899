/** A filter in, connections, or a summary of them, out. */
import type { Database } from "bun:sqlite";
import type { Outcome, Protocol } from "../../connections/types.ts";
import type {
  ConnectionFilter,
  ConnectionRecord,
  ConnectionSummary,
  Page,
  PageAsked,
} from "../types.ts";
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
} from "./paging.ts";
import { nameOf, orUndefined, textsOf, toMs, toMsOr } from "./values.ts";
import { timesWithin } from "./window.ts";

interface ConnectionRow {
  readonly id: number;
  readonly pid: number | null;
  readonly comm: string | null;
  readonly command_line: string | null;
  readonly container_id: string | null;
  readonly direction: "outgoing" | "accepted";
  readonly protocol: Protocol;
  readonly family: "inet" | "inet6" | "unix";
  readonly socket_type: "stream" | "dgram" | "seqpacket";
  readonly local_address: string | null;
  readonly local_port: number | null;
  readonly remote_address: string | null;
  readonly remote_port: number | null;
  readonly path: string | null;
  readonly host_name: string | null;
  readonly host_source: "dns" | "sni" | "http" | null;
  readonly start_us: number;
  readonly start_ns: number;
  readonly open_before: number;
  readonly outcome: Outcome;
  readonly errno: string | null;
  readonly established: number;
  readonly latency_us: number | null;
  readonly end_us: number | null;
  readonly sent_bytes: number;
  readonly received_bytes: number;
  readonly closed_by: "local" | "remote" | null;
  readonly call_id: number | null;
}

/** There is none of these: an index and a condition that is never true do not go together. */
const NOTHING: Way = { from: "connections", sql: "0", values: [] };
/** They have no index of their own: most are of these. */
const COMMON: readonly Outcome[] = ["established", "closed"];
const PROTOCOLS: readonly Protocol[] = ["tcp", "udp", "unix"];
const DIRECTIONS = ["outgoing", "accepted"] as const;

export function readConnections(
  db: Database,
  filter: ConnectionFilter,
  asked: PageAsked,
): Page<ConnectionRecord> {
  const ways = waysTo(db, filter);
  const { ids, more } = pageOf(db, ways, conditionsOf(db, filter), asked, "connections.id");
  return { items: readByIds(db, ids), more };
}

export function readByIds(db: Database, ids: readonly number[]): readonly ConnectionRecord[] {
  if (ids.length === 0) return [];
  return db
    .query<ConnectionRow, Bound[]>(
      `SELECT connections.*, parties.command_line FROM connections LEFT JOIN parties ON parties.id = process_id WHERE connections.id IN (${marks(ids)}) ORDER BY connections.id DESC`,
    )
    .all(...ids)
    .map(recordOf);
}

/** Of outgoing attempts, unless others are asked for; not of those that were open before. */
export function summarize(db: Database, filter: ConnectionFilter): ConnectionSummary {
  const asked = { ...filter, direction: filter.direction ?? "outgoing" };
  const ways = waysTo(db, asked);
  const rest = [{ sql: "open_before = 0", values: [] }, ...conditionsOf(db, asked)];
  const parts = ways.map((way) => {
    const all = [way, ...rest].filter(({ sql }) => sql !== "");
    return {
      sql: `SELECT connections.id FROM ${way.from} WHERE ${all.map(({ sql }) => sql).join(" AND ")}`,
      values: all.flatMap(({ values }) => values),
    };
  });
  const values = parts.flatMap((part) => part.values);
  const rows = db
    .query<SummedRow, Bound[]>(
      `SELECT outcome, errno, established, latency_us, count(*) AS n, sum(sent_bytes) AS sent, sum(received_bytes) AS received FROM connections WHERE id IN (${parts.map(({ sql }) => sql).join(" UNION ")}) GROUP BY outcome, errno, established, latency_us`,
    )
    .all(...values);
  return summaryOf(rows);
}

interface SummedRow {
  readonly outcome: Outcome;
  readonly errno: string | null;
  readonly established: number;
  readonly latency_us: number | null;
  readonly n: number;
  readonly sent: number;
  readonly received: number;
}

function summaryOf(rows: readonly SummedRow[]): ConnectionSummary {
  const isPending = ({ established, outcome }: SummedRow) =>
    established === 0 && outcome === "in_progress";
  const count = (of: readonly SummedRow[]) => of.reduce((sum, { n }) => sum + n, 0);
  const failed = rows.filter((row) => row.established === 0 && !isPending(row));
  const failures = new Map<
    string,
    { outcome: Outcome; errno: string | undefined; count: number }
  >();
  for (const { outcome, errno, n } of failed) {
    const key = `${outcome} ${errno ?? ""}`;
    const before = failures.get(key)?.count ?? 0;
    failures.set(key, { outcome, errno: orUndefined(errno), count: before + n });
  }
  const timed = rows
    .flatMap(({ latency_us: us, n }) => (us === null ? [] : [{ us, n }]))
    .sort((one, other) => one.us - other.us);
  const total = timed.reduce((sum, { n }) => sum + n, 0);
  const sumUs = timed.reduce((sum, { us, n }) => sum + us * n, 0);
  return {
    attempts: count(rows),
    successes: count(rows.filter(({ established }) => established === 1)),
    inProgress: count(rows.filter(isPending)),
    failures: [...failures.values()].sort((one, other) => other.count - one.count),
    avgLatencyMs: total === 0 ? undefined : sumUs / total / 1000,
    p50LatencyMs: percentile(timed, total, 0.5),
    p95LatencyMs: percentile(timed, total, 0.95),
    sentBytes: rows.reduce((sum, { sent }) => sum + sent, 0),
    receivedBytes: rows.reduce((sum, { received }) => sum + received, 0),
  };
}

/** By nearest rank, ms. */
function percentile(
  sorted: readonly { readonly us: number; readonly n: number }[],
  total: number,
  share: number,
): number | undefined {
  const rank = Math.max(1, Math.ceil(share * total));
  let seen = 0;
  for (const { us, n } of sorted) {
    seen += n;
    if (seen >= rank) return us / 1000;
  }
  return undefined;
}

/** The index that leaves least to be looked through. */
function waysTo(db: Database, filter: ConnectionFilter): readonly Way[] {
  const { pid, host, comm, container, port } = filter;
  const outcomes = filter.outcomes ?? [];
  if (host !== undefined && hostIds(db, host).length === 0) return [NOTHING];
  if (pid !== undefined) return [by("connections_pid", "connections.pid = ?", pid)];
  if (host !== undefined) return waysToHost(db, host);
  if (outcomes.length > 0 && !outcomes.some((outcome) => COMMON.includes(outcome))) {
    const sql = "outcome NOT IN ('established', 'closed') AND outcome = ?";
    return outcomes.map((outcome) => by("connections_unwell", sql, outcome));
  }
  if (container !== undefined) return waysToContainer(db, container);
  if (comm !== undefined) return [by("connections_comm", "connections.comm = ?", comm)];
  if (port !== undefined) return [by("connections_port", "remote_port = ?", port)];
  const { protocol, direction } = filter;
  if (protocol === undefined && direction === undefined) {
    return [{ from: "connections NOT INDEXED", sql: "", values: [] }];
  }
  const protocols = protocol === undefined ? PROTOCOLS : [protocol];
  const directions = direction === undefined ? DIRECTIONS : [direction];
  return protocols.flatMap((each) =>
    directions.map((way) => by("connections_kind", "protocol = ? AND direction = ?", each, way)),
  );
}

function by(index: string, sql: string, ...values: readonly Bound[]): Way {
  return { from: `connections INDEXED BY ${index}`, sql, values };
}

function waysToHost(db: Database, host: string): readonly Way[] {
  return hostIds(db, host).flatMap((id) => [
    by("connections_host", "host_id = ?", id),
    by("connections_named", "named_host_id = ?", id),
  ]);
}

/** Ids that begin so, one after the other: each is one look into the index. */
function waysToContainer(db: Database, prefix: string): readonly Way[] {
  const ways: Way[] = [];
  const next = db.query<{ id: string | null }, [string]>(
    "SELECT min(container_id) AS id FROM connections INDEXED BY connections_container WHERE container_id > ?",
  );
  const is = "container_id = ?";
  // an id is itself more than its beginning, or just that
  ways.push(by("connections_container", is, prefix));
  for (let id = next.get(prefix)?.id; ways.length < MAX_WAYS; id = next.get(id)?.id) {
    if (id === null || id === undefined || !id.startsWith(prefix)) break;
    ways.push(by("connections_container", is, id));
  }
  return ways;
}

function conditionsOf(db: Database, filter: ConnectionFilter): readonly Condition[] {
  const { container } = filter;
  return [
    ...timesWithin(db, "connections", "start_us", { sinceMs: filter.sinceMs }),
    ...equals("connections.pid", filter.pid),
    ...equals("connections.comm", filter.comm),
    ...equals("connections.remote_port", filter.port),
    ...equals("connections.protocol", filter.protocol),
    ...equals("connections.direction", filter.direction),
    ...oneOf("connections.outcome", filter.outcomes ?? []),
    ...(container === undefined
      ? []
      : [
          {
            sql: "substr(connections.container_id, 1, ?) = ?",
            values: [container.length, container],
          },
        ]),
    ...(filter.host === undefined ? [] : ofHosts(hostIds(db, filter.host))),
  ];
}

/** One that nobody has reached has no way to it (waysTo). */
function ofHosts([id]: readonly number[]): readonly Condition[] {
  if (id === undefined) return [];
  return [{ sql: "(connections.host_id = ? OR connections.named_host_id = ?)", values: [id, id] }];
}

function recordOf(row: ConnectionRow): ConnectionRecord {
  return {
    row: row.id,
    id: nameOf("connection", row.id),
    pid: orUndefined(row.pid),
    comm: orUndefined(row.comm),
    commandLine: textsOf(row.command_line),
    containerId: orUndefined(row.container_id),
    direction: row.direction,
    protocol: row.protocol,
    family: row.family,
    socketType: row.socket_type,
    localAddress: orUndefined(row.local_address),
    localPort: orUndefined(row.local_port),
    remoteAddress: orUndefined(row.remote_address),
    remotePort: orUndefined(row.remote_port),
    path: orUndefined(row.path),
    hostName: orUndefined(row.host_name),
    hostNameSource: orUndefined(row.host_source),
    startMs: toMs(row.start_us),
    startNs: row.start_ns,
    openBefore: row.open_before === 1,
    outcome: row.outcome,
    errno: orUndefined(row.errno),
    wasEstablished: row.established === 1,
    latencyMs: toMsOr(row.latency_us),
    endMs: toMsOr(row.end_us),
    sentBytes: row.sent_bytes,
    receivedBytes: row.received_bytes,
    closedBy: orUndefined(row.closed_by),
    callId: row.call_id === null ? undefined : nameOf("call", row.call_id),
  };
}
