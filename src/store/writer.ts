/** Batches in, rows of the database out: one transaction for as many as there are. Synchronous; on a thread of its own. */
import type { Database, Statement } from "bun:sqlite";
import {
  type Batch,
  type CallRow,
  type ConnectionRow,
  type EffectRow,
  PLAIN_NAMES,
  PLAIN_TABLES,
  type PlainTable,
  type RunEnd,
} from "./batch.ts";
import {
  CALL_COLUMNS,
  CONNECTION_COLUMNS,
  EFFECT_COLUMNS,
  insertSql,
  SEGMENT_COLUMNS,
  upsertSql,
} from "./columns.ts";
import { DimensionIds } from "./dimension-ids.ts";
import { octaveOf } from "./latency-class.ts";
import { type Mask, maskBatch } from "./masking.ts";
import { Statements } from "./statements.ts";
import { Sums } from "./sums.ts";

export interface WriterOptions {
  readonly runId: number;
  /** undefined: secrets stay. */
  readonly mask: Mask | undefined;
  readonly maxBodyBytes: number;
}

export class Writer implements Disposable {
  readonly #db: Database;
  readonly #options: WriterOptions;
  readonly #statements: Statements;
  readonly #plain: Readonly<Record<PlainTable, Statement>>;
  readonly #calls: Statement;
  readonly #connections: Statement;
  readonly #connectionName: Statement;
  readonly #effects: Statement;
  readonly #joined: Statement;
  readonly #counts: Statement;
  readonly #segments: Statement;
  readonly #run: Statement;
  readonly #ids: DimensionIds;
  readonly #sums: Sums;

  constructor(db: Database, options: WriterOptions) {
    this.#db = db;
    this.#options = options;
    const statements = new Statements(db);
    this.#statements = statements;
    const statement = (table: PlainTable) =>
      statements.prepare(insertSql(table, Object.keys(PLAIN_TABLES[table]), "INSERT OR REPLACE"));
    this.#plain = {
      parties: statement("parties"),
      channels: statement("channels"),
      sessions: statement("sessions"),
      session_events: statement("session_events"),
      exchanges: statement("exchanges"),
      http: statement("http"),
      messages: statement("messages"),
      noise: statement("noise"),
      coverage: statement("coverage"),
      losses: statement("losses"),
      connection_events: statement("connection_events"),
    };
    this.#calls = statements.prepare(insertSql("calls", CALL_COLUMNS, "INSERT OR REPLACE"));
    this.#connections = statements.prepare(upsertSql("connections", CONNECTION_COLUMNS));
    this.#connectionName = statements.prepare(
      "UPDATE effects SET named_host_id = ?2 WHERE connection_id = ?1 AND named_host_id IS NOT ?2",
    );
    this.#effects = statements.prepare(insertSql("effects", EFFECT_COLUMNS, "INSERT OR REPLACE"));
    this.#joined = statements.prepare("UPDATE connections SET call_id = ?2 WHERE id = ?1");
    this.#counts = statements.prepare(
      "UPDATE sessions SET messages = ?2, calls = ?3, failed_calls = ?4 WHERE id = ?1",
    );
    this.#segments = statements.prepare(
      insertSql("segments", SEGMENT_COLUMNS, "INSERT OR REPLACE"),
    );
    this.#run = statements.prepare(
      "UPDATE runs SET own_sessions = ?2, dropped_rows = ?3 WHERE id = ?1",
    );
    this.#ids = new DimensionIds(statements);
    this.#sums = new Sums(statements);
  }

  /**
   * All or nothing.
   * @throws SQLiteError: nothing of it is stored, and it may be tried again
   */
  write(batches: readonly Batch[]): void {
    const { mask, maxBodyBytes } = this.#options;
    const masked =
      mask === undefined ? batches : batches.map((each) => maskBatch(each, mask, maxBodyBytes));
    this.#inTransaction(() => {
      for (const batch of masked) this.#writePlain(batch);
      for (const [row, segment] of latest(masked, ({ calls }) => calls)) this.#call(row, segment);
      const fresh = newsOf(masked);
      for (const [row, segment] of latest(masked, ({ connections }) => connections)) {
        this.#connection(row, segment, fresh.get(row.id));
      }
      for (const batch of masked) {
        for (const row of batch.effects) this.#effect(row, batch.segment.id);
        this.#noteBatch(batch);
      }
      this.#sums.write();
    });
  }

  /** @throws SQLiteError */
  end(end: RunEnd): void {
    const exact = end.exact === null ? null : Number(end.exact);
    this.#db
      .query(
        // a replay began when its recording did
        "UPDATE runs SET start_us = CASE is_replay WHEN 0 THEN start_us ELSE coalesce((SELECT min(segments.start_us) FROM segments WHERE run_id = ?1), start_us) END, end_us = ?2, ended_by = ?3, front_end = ?4, kernel = ?5, exact = ?6, summary = ?7, dropped_rows = ?8 WHERE id = ?1",
      )
      .run(
        this.#options.runId,
        end.endUs,
        end.endedBy,
        end.frontEnd,
        end.kernel,
        exact,
        end.summary,
        end.droppedRows,
      );
  }

  /** Rows that names stand for may be gone: retention was at work. */
  forget(): void {
    this.#ids.forget();
  }

  /** Before the database is closed. */
  [Symbol.dispose](): void {
    this.#statements[Symbol.dispose]();
  }

  #inTransaction(act: () => void): void {
    this.#db.run("BEGIN IMMEDIATE");
    try {
      act();
      this.#db.run("COMMIT");
    } catch (error) {
      this.#sums.forget();
      this.#ids.forget();
      // SQLite may have rolled back by itself (a full disk): then there is none
      if (this.#db.inTransaction) this.#db.run("ROLLBACK");
      throw error;
    }
  }

  #writePlain(batch: Batch): void {
    for (const table of PLAIN_NAMES) {
      const cells = batch.plain[table];
      if (cells === undefined) continue;
      const width = Object.keys(PLAIN_TABLES[table]).length;
      const statement = this.#plain[table];
      for (let at = 0; at < cells.length; at += width) {
        statement.run(...cells.slice(at, at + width));
      }
    }
    const { counts } = batch;
    for (let at = 0; at < counts.length; at += 4) this.#counts.run(...counts.slice(at, at + 4));
  }

  #call(row: CallRow, segment: number): void {
    const tool = this.#ids.tool(row.server, row.method, row.target, segment);
    const { durationUs, outcome } = row;
    this.#calls.run(
      row.id,
      row.sessionId,
      tool,
      row.fromClient ? 1 : 0,
      row.rpcId,
      outcome,
      row.startUs,
      row.endUs,
      durationUs,
      row.serverUs,
      durationUs === null ? null : octaveOf(durationUs),
      row.errorCode,
      row.errorText,
      row.requestBytes,
      row.responseBytes,
      row.responseId,
      row.progress,
      row.logs,
      row.chain,
    );
    // when what was cancelled is answered says nothing of how long the tool takes
    const timedUs = outcome === "cancelled" ? null : durationUs;
    if (outcome !== "open") this.#sums.call(segment, tool, outcome, timedUs);
  }

  #connection(row: ConnectionRow, segment: number, news: News | undefined): void {
    const host = this.#ids.host(hostText(row), segment);
    const named = this.#ids.host(row.hostName?.toLowerCase() ?? null, segment);
    this.#connections.run(
      row.id,
      this.#options.runId,
      row.name,
      row.processId,
      row.peerId,
      row.pid,
      row.comm,
      row.containerId,
      row.direction,
      row.protocol,
      row.family,
      row.socketType,
      row.localAddress,
      row.localPort,
      row.remoteAddress,
      row.remotePort,
      row.path,
      row.hostName,
      row.hostSource,
      row.names,
      host,
      named,
      row.startUs,
      row.startNs,
      row.openBefore ? 1 : 0,
      row.outcome,
      row.errno,
      row.established ? 1 : 0,
      row.establishedUs,
      row.latencyUs,
      row.endUs,
      row.lastedUs,
      row.sentBytes,
      row.receivedBytes,
      row.closedBy,
    );
    if (named !== null && news?.isNew !== true) this.#connectionName.run(row.id, named);
    if (news !== undefined) this.#sums.connection(segment, row, named ?? host ?? 0, news);
  }

  #effect(row: EffectRow, segment: number): void {
    const host = this.#ids.host(row.host, segment);
    const named = this.#ids.host(row.namedHost, segment);
    this.#effects.run(
      row.id,
      row.callId,
      row.isLate ? 1 : 0,
      row.timeUs,
      row.kind,
      row.processId,
      row.argv,
      row.childId,
      row.connectionId,
      host,
      named,
      row.outcome,
      row.change,
      row.path,
      row.toPath,
      row.candidates,
    );
    const isSure = row.candidates === null;
    if (row.connectionId !== null && isSure) this.#joined.run(row.connectionId, row.callId);
    const tool = this.#ids.tool(row.server, row.method, row.target, segment);
    this.#sums.effect(segment, tool, row);
  }

  #noteBatch({ segment, ownSessions, droppedRows }: Batch): void {
    this.#segments.run(
      segment.id,
      this.#options.runId,
      segment.lastId,
      segment.startUs,
      segment.endUs,
      segment.endNs,
      segment.sessions,
      segment.messages,
      segment.messageBytes,
      segment.calls,
      segment.failedCalls,
      segment.connections,
    );
    this.#run.run(this.#options.runId, ownSessions, droppedRows);
  }
}

/** What is told of a connection for the first time. */
interface News {
  readonly isNew: boolean;
  readonly isTold: boolean;
  readonly isOver: boolean;
}

/** Of rows with one id the last, each with its segment: a call that is short is written once. */
function latest<Row extends { readonly id: number }>(
  batches: readonly Batch[],
  rowsOf: (batch: Batch) => readonly Row[],
): Iterable<readonly [Row, number]> {
  const rows = new Map<number, readonly [Row, number]>();
  for (const batch of batches) {
    for (const row of rowsOf(batch)) rows.set(row.id, [row, batch.segment.id]);
  }
  return rows.values();
}

function newsOf(batches: readonly Batch[]): ReadonlyMap<number, News> {
  const news = new Map<number, News>();
  for (const { connections } of batches) {
    for (const { id, isNew, isTold, isOver } of connections) {
      const before = news.get(id);
      news.set(id, {
        isNew: isNew || before?.isNew === true,
        isTold: isTold || before?.isTold === true,
        isOver: isOver || before?.isOver === true,
      });
    }
  }
  return news;
}

function hostText({ remoteAddress, path }: ConnectionRow): string | null {
  return (remoteAddress ?? path)?.toLowerCase() ?? null;
}
