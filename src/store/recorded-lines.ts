/** A database in, the lines out that NDJSON would have held, as far as they are stored: what `overhear replay` reads. */
import type { Database, Statement } from "bun:sqlite";
import { EffectLines } from "./recorded/effects.ts";
import { Places } from "./recorded/places.ts";
import {
  flags,
  isoText,
  named,
  namedList,
  number,
  optional,
  type RecordedLine,
  type Row,
  text,
} from "./recorded/row.ts";

/** Ids that are looked at at once. */
const WINDOW = 4096;
/** Tables whose rows are lines; each is a line of its own kind. */
const LINES = {
  messages:
    "SELECT messages.*, sessions.name AS session, sessions.transport FROM messages JOIN sessions ON sessions.id = session_id",
  session_events:
    "SELECT session_events.*, sessions.name AS session, sessions.transport, sessions.late_attach, sessions.end_reason, sessions.start_us FROM session_events JOIN sessions ON sessions.id = session_id",
  http: "SELECT http.*, sessions.name AS session FROM http LEFT JOIN sessions ON sessions.id = session_id",
  noise:
    "SELECT noise.*, sessions.name AS session, sessions.transport FROM noise JOIN sessions ON sessions.id = session_id",
  coverage: "SELECT * FROM coverage",
  losses: "SELECT * FROM losses WHERE reason <> 'not_stored'",
  connection_events:
    "SELECT connections.*, connection_events.id AS id, connection_events.time_us, event, connection_events.outcome AS outcome_then, connection_events.sent_bytes AS sent_then, connection_events.received_bytes AS received_then FROM connection_events JOIN connections ON connections.id = connection_id",
  // what is on a call's line is one line, where its first effect is
  effects:
    "SELECT effects.*, calls.rpc_id, calls.end_us, sessions.name AS session, tools.method, tools.target FROM effects JOIN calls ON calls.id = effects.call_id JOIN sessions ON sessions.id = calls.session_id JOIN tools ON tools.id = calls.tool_id WHERE (is_late = 1 OR effects.id = (SELECT min(first.id) FROM effects AS first WHERE first.call_id = effects.call_id AND first.is_late = 0))",
} as const;

type LineTable = keyof typeof LINES;

const TABLES: readonly LineTable[] = [
  "messages",
  "session_events",
  "http",
  "noise",
  "coverage",
  "losses",
  "connection_events",
  "effects",
];

/** In the order in which they were heard, run after run, each closed by a line of kind `summary`. @throws SQLiteError */
export function* recordedLines(db: Database): Generator<RecordedLine> {
  const lines = new Lines(db);
  const runs = db
    .query<{ first: number; last: number; end_us: number }, []>(
      "SELECT min(segments.id) AS first, max(last_id) AS last, coalesce(runs.end_us, max(segments.end_us)) AS end_us FROM segments LEFT JOIN runs ON runs.id = run_id GROUP BY run_id ORDER BY 1",
    )
    .all();
  for (const { first, last, end_us: endUs } of runs) {
    for (let from = first; from <= last; from += WINDOW) {
      yield* lines.within(from, Math.min(from + WINDOW, last + 1));
    }
    yield { kind: "summary", timestamp: isoText(endUs) };
  }
}

class Lines {
  readonly #statements: readonly (readonly [LineTable, Statement<Row, [number, number]>])[];
  readonly #places: Places;
  readonly #effects: EffectLines;

  constructor(db: Database) {
    this.#statements = TABLES.map((table) => {
      const sql = LINES[table];
      const word = sql.includes("WHERE") ? "AND" : "WHERE";
      return [table, db.prepare(`${sql} ${word} ${table}.id >= ? AND ${table}.id < ?`)] as const;
    });
    this.#places = new Places(db);
    this.#effects = new EffectLines(db, this.#places);
  }

  within(from: number, to: number): readonly RecordedLine[] {
    const rows = this.#statements.flatMap(([table, statement]) =>
      statement.all(from, to).map((row) => ({ table, row })),
    );
    rows.sort((one, other) => number(one.row, "id") - number(other.row, "id"));
    return rows.map(({ table, row }) => this.#line(table, row));
  }

  #line(table: LineTable, row: Row): RecordedLine {
    const timestamp = isoText(number(row, "time_us"));
    switch (table) {
      case "messages":
        return { kind: "message", timestamp, ...this.#message(row) };
      case "session_events":
        return { kind: "session", timestamp, ...this.#session(row) };
      case "http":
        return { kind: "http", timestamp, ...this.#http(row) };
      case "noise":
        return {
          kind: "noise",
          timestamp,
          transport_type: row["transport"],
          ...this.#places.hop(row),
          session: row["session"],
          direction: row["from_client"] === 1 ? "client-to-server" : "server-to-client",
          text: row["text"],
          lines: row["lines"],
          bytes: row["bytes"],
          ...(row["holds_message"] === 1 ? { flags: ["message_in_text"] } : {}),
        };
      case "coverage": {
        const party = this.#places.party(row, "party_id");
        return {
          kind: "coverage",
          timestamp,
          reason: row["reason"],
          count: row["count"],
          bytes: row["bytes"],
          ...this.#places.hop(row),
          ...(party === null ? {} : { process: party }),
        };
      }
      case "losses":
        return {
          kind: "loss",
          timestamp,
          reason: row["reason"],
          bytes: row["bytes"],
          ...this.#places.hop(row),
        };
      case "connection_events":
        return { kind: "connection", timestamp, ...this.#effects.connection(row) };
      case "effects":
        return this.#effects.line(row);
    }
  }

  #message(row: Row): RecordedLine {
    const [side, mode] = (text(row, "http_place") ?? "").split(" ");
    const exchange = this.#places.exchange(row);
    const hop =
      exchange === undefined || side === undefined
        ? this.#places.hop(row)
        : { http_transport: this.#places.place(row, exchange, side === "request", mode) };
    const queuedUs = optional(row, "queued_us");
    return {
      transport_type: row["transport"],
      ...hop,
      session: row["session"],
      direction: row["from_client"] === 1 ? "client-to-server" : "server-to-client",
      type: row["type"],
      bytes: row["bytes"],
      raw: row["body"],
      ...(row["is_cut"] === 1 ? { is_cut: true } : {}),
      ...(queuedUs === undefined ? {} : { queued_ms: queuedUs / 1000 }),
      ...(row["batch_size"] === null
        ? {}
        : { batch: { index: row["batch_index"], size: row["batch_size"] } }),
      ...namedList("other_readers", text(row, "other_readers")),
      ...flags(row),
    };
  }

  #session(row: Row): RecordedLine {
    const isEnd = row["event"] === "end";
    const untilUs = isEnd ? number(row, "time_us") : undefined;
    return {
      event: row["event"],
      transport_type: row["transport"],
      session: row["session"],
      start: isoText(number(row, "start_us")),
      client: this.#places.party(row, "client_id", untilUs),
      server: this.#places.party(row, "server_id", untilUs),
      ...(row["left_id"] === null
        ? {}
        : { left: this.#places.party(row, "left_id", number(row, "time_us")) }),
      late_attach: row["late_attach"] === 1,
      messages: row["messages"],
      open_calls: row["open_calls"],
      ...(isEnd && row["end_reason"] !== null ? { reason: row["end_reason"] } : {}),
    };
  }

  #http(row: Row): RecordedLine {
    const exchange = this.#places.exchange(row);
    if (exchange === undefined) return {};
    const isRequest = exchange["method"] !== null;
    const side = isRequest ? "request_channel_id" : "response_channel_id";
    const place = this.#places.place(
      { ...row, channel_id: exchange[side] ?? null },
      exchange,
      isRequest,
    );
    const durationMs = (number(row, "time_us") - number(exchange, "start_us")) / 1000;
    return {
      transport_type: "http",
      http_transport: { ...place, ...named("status", exchange["status"]) },
      ...named("session", row["session"]),
      outcome: row["outcome"],
      ...named("content_type", exchange["content_type"]),
      ...(isRequest ? { duration_ms: Math.max(0, durationMs) } : {}),
      ...flags(row),
    };
  }
}
