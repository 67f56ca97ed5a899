/** The id of a call in, all that is stored of it out: its messages, and what it caused. */
import type { Database } from "bun:sqlite";
import type {
  CallDetail,
  CallDetailAsked,
  CallMessage,
  ConnectionRecord,
  EffectBase,
  EffectRecord,
} from "../types.ts";
import { readByIds as readCallsByIds } from "./calls.ts";
import { readByIds as readConnectionsByIds } from "./connections.ts";
import { readSession } from "./sessions.ts";
import { nameOf, orUndefined, rowOf, textsOf, toMs } from "./values.ts";

interface MessageRow {
  readonly time_us: number;
  readonly type: CallMessage["type"];
  readonly method: string | null;
  readonly from_client: number;
  readonly text: string | null;
  readonly chars: number | null;
  readonly bytes: number;
  readonly is_cut: number;
}

interface EffectRow {
  readonly id: number;
  readonly time_us: number;
  readonly kind: EffectRecord["kind"];
  readonly pid: number | null;
  readonly comm: string | null;
  readonly argv: string | null;
  readonly exit_us: number | null;
  readonly exit_code: number | null;
  readonly exit_signal: number | null;
  readonly child_pid: number | null;
  readonly connection_id: number | null;
  readonly change: "create" | "write" | "rename" | "unlink" | null;
  readonly path: string | null;
  readonly to_path: string | null;
  readonly candidates: string | null;
}

interface Links {
  readonly response_id: number | null;
  readonly session_id: number;
}

/** Calls that are looked through for one of the same id. */
const MAX_SEARCHED_IDS = 100_000;

export function readCall(
  db: Database,
  id: string,
  { maxMessages, maxEffects, maxChars }: CallDetailAsked,
): CallDetail | undefined {
  const row = rowOf("call", id);
  if (row === undefined) return undefined;
  const [call] = readCallsByIds(db, [row]);
  const links = db
    .query<Links, [number]>("SELECT response_id, session_id FROM calls WHERE id = ?")
    .get(row);
  if (call === undefined || links === null) return undefined;
  const session = readSession(db, call.sessionId);
  const names = { client: call.clientName, server: call.serverName };
  const ids = [row, links.response_id ?? -1] as const;
  const messages = db
    .query<MessageRow, [number, number, number, number]>(
      `SELECT time_us, type, method, from_client, substr(body, 1, ?1) AS text, length(body) AS chars, bytes, is_cut FROM messages WHERE id IN (SELECT ?2 UNION SELECT ?3 UNION SELECT id FROM (SELECT id FROM messages INDEXED BY messages_call WHERE call_id = ?2 AND call_id IS NOT NULL ORDER BY id LIMIT ?4)) ORDER BY id`,
    )
    .all(maxChars, ...ids, Math.max(0, maxMessages - ids.length))
    .map((message) => messageOf(message, names, maxChars));
  const all = db
    .query<{ messages: number; effects: number }, [number, number]>(
      "SELECT (SELECT count(*) FROM messages WHERE id IN (?1, ?2)) + (SELECT count(*) FROM messages INDEXED BY messages_call WHERE call_id = ?1 AND call_id IS NOT NULL) AS messages, (SELECT count(*) FROM effects WHERE call_id = ?1) AS effects",
    )
    .get(...ids);
  const effects = readEffects(db, row, links.session_id, maxEffects);
  return {
    call,
    session,
    messages,
    moreMessages: Math.max(0, (all?.messages ?? 0) - messages.length),
    effects,
    moreEffects: Math.max(0, (all?.effects ?? 0) - effects.length),
  };
}

function messageOf(
  row: MessageRow,
  { client, server }: { readonly client: string; readonly server: string },
  maxChars: number,
): CallMessage {
  const isFromClient = row.from_client === 1;
  return {
    timeMs: toMs(row.time_us),
    type: row.type,
    method: orUndefined(row.method),
    from: isFromClient ? client : server,
    to: isFromClient ? server : client,
    text: row.text ?? "",
    bytes: row.bytes,
    isCut: row.is_cut === 1 || (row.chars ?? 0) > maxChars,
  };
}

function readEffects(
  db: Database,
  call: number,
  session: number,
  limit: number,
): readonly EffectRecord[] {
  const rows = db
    .query<EffectRow, [number, number]>(
      "SELECT effects.id, time_us, kind, parties.pid, parties.comm, argv, parties.exit_us, parties.exit_code, parties.exit_signal, child.pid AS child_pid, connection_id, change, path, to_path, candidates FROM effects LEFT JOIN parties ON parties.id = process_id LEFT JOIN parties AS child ON child.id = child_id WHERE call_id = ? ORDER BY effects.id LIMIT ?",
    )
    .all(call, limit);
  const connections = new Map(
    readConnectionsByIds(
      db,
      rows.flatMap(({ connection_id: id }) => (id === null ? [] : [id])),
    ).map((each) => [each.row, each]),
  );
  const effects: EffectRecord[] = [];
  for (const row of rows) {
    const base = {
      timeMs: toMs(row.time_us),
      pid: row.pid ?? 0,
      comm: row.comm ?? "",
      candidates: candidatesOf(db, row, call, session),
    };
    const effect = effectOf(row, base, connections);
    if (effect !== undefined) effects.push(effect);
  }
  return effects;
}

/** undefined: its connection is gone already, which retention removes first. */
function effectOf(
  row: EffectRow,
  base: EffectBase,
  connections: ReadonlyMap<number, ConnectionRecord>,
): EffectRecord | undefined {
  switch (row.kind) {
    case "exec":
      return { ...base, kind: "exec", argv: textsOf(row.argv), ...exitOf(row) };
    case "fork":
      return { ...base, kind: "fork", childPid: row.child_pid ?? 0 };
    case "connect": {
      const connection = connections.get(row.connection_id ?? 0);
      return connection === undefined ? undefined : { ...base, kind: "connect", connection };
    }
    case "file": {
      const { change, path, to_path: to } = row;
      if (change === null || path === null) return undefined;
      return { ...base, kind: "file", change, path, to: orUndefined(to) };
    }
  }
}

function exitOf({ exit_us: exitUs, time_us: timeUs, exit_code, exit_signal }: EffectRow) {
  return {
    exitCode: orUndefined(exit_code),
    exitSignal: orUndefined(exit_signal),
    durationMs: exitUs === null || exitUs < timeUs ? undefined : toMs(exitUs - timeUs),
  };
}

/** Stored are ids as the protocol has them: each is the newest call of the session that had it by then. */
function candidatesOf(
  db: Database,
  { candidates, id }: EffectRow,
  call: number,
  session: number,
): readonly string[] {
  const find = db.query<{ id: number }, [number, string, number, number]>(
    "SELECT id FROM calls INDEXED BY calls_session WHERE session_id = ? AND rpc_id = ? AND id < ? AND id > ? ORDER BY id DESC LIMIT 1",
  );
  return textsOf(candidates).flatMap((text) => {
    const found = find.get(session, text, id, call - MAX_SEARCHED_IDS);
    return found === null ? [] : [nameOf("call", found.id)];
  });
}
