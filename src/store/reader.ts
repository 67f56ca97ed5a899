/** Questions about what was heard in, answers from a database out; also while another process writes it. */
import type { Database } from "bun:sqlite";
import { cannot } from "./database-error.ts";
import { openForReading } from "./open-database.ts";
import { readCall } from "./read/call-detail.ts";
import { readCalls } from "./read/calls.ts";
import { readConnections, summarize } from "./read/connections.ts";
import { readCoverage } from "./read/coverage.ts";
import { readFailures } from "./read/failures.ts";
import { readSession, readSessions } from "./read/sessions.ts";
import type {
  CallDetail,
  CallDetailAsked,
  CallFilter,
  CallRecord,
  ConnectionFilter,
  ConnectionRecord,
  ConnectionSummary,
  CoverageRecord,
  Failures,
  FailuresAsked,
  History,
  Latest,
  Page,
  PageAsked,
  SessionFilter,
  SessionRecord,
} from "./types.ts";

/** The constructor and every question throw OutputError when the database cannot be read. */
export class HistoryReader implements History, Disposable {
  readonly #path: string;
  readonly #db: Database;

  constructor(path: string) {
    this.#path = path;
    this.#db = openForReading(path);
  }

  sessions(filter: SessionFilter, page: PageAsked): Page<SessionRecord> {
    return this.#ask((db) => readSessions(db, filter, page));
  }

  session(id: string): SessionRecord | undefined {
    return this.#ask((db) => readSession(db, id));
  }

  calls(filter: CallFilter, page: PageAsked): Page<CallRecord> {
    return this.#ask((db) => readCalls(db, filter, page));
  }

  call(id: string, asked: CallDetailAsked): CallDetail | undefined {
    return this.#ask((db) => readCall(db, id, asked));
  }

  connections(filter: ConnectionFilter, page: PageAsked): Page<ConnectionRecord> {
    return this.#ask((db) => readConnections(db, filter, page));
  }

  connectionSummary(filter: ConnectionFilter): ConnectionSummary {
    return this.#ask((db) => summarize(db, filter));
  }

  coverage(): CoverageRecord {
    return this.#ask(readCoverage);
  }

  failures(asked: FailuresAsked): Failures {
    return this.#ask((db) => readFailures(db, asked));
  }

  latest(): Latest {
    return this.#ask((db) => {
      const last = (table: string) =>
        db.query<{ id: number | null }, []>(`SELECT max(id) AS id FROM ${table}`).get()?.id ?? 0;
      const version = db.query<{ data_version: number }, []>("PRAGMA data_version").get();
      return {
        sessionRow: last("sessions"),
        callRow: last("calls"),
        connectionRow: last("connections"),
        revision: version?.data_version ?? 0,
      };
    });
  }

  close(): void {
    this.#db.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** All parts of one answer are of one moment. */
  #ask<Answer>(answer: (db: Database) => Answer): Answer {
    try {
      return this.#db.transaction(() => answer(this.#db))();
    } catch (error) {
      throw cannot("read", this.#path, error);
    }
  }
}
