/** A filter in, sessions out. */
import type { Database } from "bun:sqlite";
import type { Transport } from "../../exchange/types.ts";
import type { Page, PageAsked, PartyRecord, SessionFilter, SessionRecord } from "../types.ts";
import { type Bound, type Condition, equals, marks, pageOf, within } from "./paging.ts";
import { nameOf, orUndefined, rowOf, textsOf, toMs, toMsOr } from "./values.ts";
import { micros } from "./window.ts";

interface SessionRow {
  readonly id: number;
  readonly transport: Transport;
  readonly protocol_version: string | null;
  readonly era: "legacy" | "modern" | null;
  readonly start_us: number;
  readonly end_us: number | null;
  readonly end_reason: string | null;
  readonly run_end_us: number | null;
  readonly messages: number;
  readonly calls: number;
  readonly failed_calls: number;
  readonly client_name: string;
  readonly client_version: string | null;
  readonly server_name: string;
  readonly server_version: string | null;
  readonly client_pid: number | null;
  readonly client_comm: string | null;
  readonly client_line: string | null;
  readonly client_container: string | null;
  readonly client_address: string | null;
  readonly server_pid: number | null;
  readonly server_comm: string | null;
  readonly server_line: string | null;
  readonly server_container: string | null;
  readonly server_address: string | null;
}

const PARTIES = ["client", "server"]
  .flatMap((side) => [
    `${side}.pid AS ${side}_pid`,
    `${side}.comm AS ${side}_comm`,
    `${side}.command_line AS ${side}_line`,
    `${side}.container_id AS ${side}_container`,
    `${side}.address AS ${side}_address`,
  ])
  .join(", ");
const JOINS =
  "LEFT JOIN parties AS client ON client.id = sessions.client_id LEFT JOIN parties AS server ON server.id = sessions.server_id";
const COLUMNS =
  "sessions.id, transport, protocol_version, era, sessions.start_us, sessions.end_us, end_reason, messages, calls, failed_calls, client_name, client_version, server_name, server_version";
/** A run that is over has no open sessions, whatever became of them. */
const RUN_END = "(SELECT runs.end_us FROM runs WHERE runs.id = sessions.run_id)";

export function readSessions(
  db: Database,
  filter: SessionFilter,
  asked: PageAsked,
): Page<SessionRecord> {
  const { isOpen, sinceMs, transport } = filter;
  const open: readonly Condition[] =
    isOpen === undefined
      ? []
      : [
          isOpen
            ? { sql: `sessions.end_us IS NULL AND ${RUN_END} IS NULL`, values: [] }
            : { sql: `(sessions.end_us IS NOT NULL OR ${RUN_END} IS NOT NULL)`, values: [] },
        ];
  const since: readonly Condition[] =
    sinceMs === undefined
      ? []
      : [
          {
            sql: `coalesce(sessions.end_us, ${RUN_END}, 9007199254740991) >= ?`,
            values: [micros(sinceMs)],
          },
        ];
  const table = isOpen === true ? "sessions INDEXED BY sessions_open" : "sessions NOT INDEXED";
  const isNamed = (filter.client ?? "") !== "" || (filter.server ?? "") !== "";
  const { ids, more } = pageOf(
    db,
    [{ from: isNamed ? `${table} ${JOINS}` : table, sql: "", values: [] }],
    [
      ...equals("transport", transport),
      ...open,
      ...since,
      ...within(["client_name", "client.command_line", "client.address"], filter.client),
      ...within(["server_name", "server.command_line", "server.address"], filter.server),
    ],
    asked,
    "sessions.id",
  );
  return { items: readByIds(db, ids), more };
}

export function readSession(db: Database, id: string): SessionRecord | undefined {
  const row = rowOf("session", id);
  return row === undefined ? undefined : readByIds(db, [row])[0];
}

function readByIds(db: Database, ids: readonly Bound[]): readonly SessionRecord[] {
  if (ids.length === 0) return [];
  return db
    .query<SessionRow, Bound[]>(
      `SELECT ${COLUMNS}, ${RUN_END} AS run_end_us, ${PARTIES} FROM sessions ${JOINS} WHERE sessions.id IN (${marks(ids)}) ORDER BY sessions.id DESC`,
    )
    .all(...ids)
    .map(recordOf);
}

function recordOf(row: SessionRow): SessionRecord {
  const isCutOff = row.end_us === null && row.run_end_us !== null;
  return {
    row: row.id,
    id: nameOf("session", row.id),
    transport: row.transport,
    client: partyOf(row, "client"),
    server: partyOf(row, "server"),
    protocolVersion: orUndefined(row.protocol_version),
    era: orUndefined(row.era),
    startMs: toMs(row.start_us),
    endMs: toMsOr(row.end_us ?? row.run_end_us),
    endReason: isCutOff ? "overhear stopped listening" : orUndefined(row.end_reason),
    messages: row.messages,
    calls: row.calls,
    failedCalls: row.failed_calls,
  };
}

function partyOf(row: SessionRow, side: "client" | "server"): PartyRecord {
  return {
    name: row[`${side}_name`],
    version: orUndefined(row[`${side}_version`]),
    pid: orUndefined(row[`${side}_pid`]),
    comm: orUndefined(row[`${side}_comm`]),
    commandLine: textsOf(row[`${side}_line`]),
    containerId: orUndefined(row[`${side}_container`]),
    address: orUndefined(row[`${side}_address`]),
  };
}
