/** What is asked of ten million rows must not look at each of them: SQLite itself says how it would go about it. */
import { Database } from "bun:sqlite";
import { afterAll, describe, expect, test } from "bun:test";
import { answer, QUESTIONS } from "../../../src/store/questions.ts";
import { readCall } from "../../../src/store/read/call-detail.ts";
import { readCalls } from "../../../src/store/read/calls.ts";
import { readConnections, summarize } from "../../../src/store/read/connections.ts";
import { readCoverage } from "../../../src/store/read/coverage.ts";
import { readFailures } from "../../../src/store/read/failures.ts";
import { readSessions } from "../../../src/store/read/sessions.ts";
import { TestHistory } from "./history.ts";
import { traffic } from "./traffic.ts";

const history = new TestHistory();
for (const items of traffic({ calls: 300, startNs: 1e15, lastsNs: 36e11, sessions: 5 })) {
  history.store(items);
}
afterAll(() => history[Symbol.dispose]());

/** Tables that grow without end; the others hold a few thousand rows. */
const LARGE = /^SCAN (messages|calls|connections|effects|connection_events)\b/;

/** A database that notes what is asked of it. */
class Listening extends Database {
  readonly asked: string[] = [];

  override query: Database["query"] = (sql: string) => {
    this.asked.push(sql);
    return super.query(sql);
  };

  override prepare: Database["prepare"] = (sql: string) => {
    this.asked.push(sql);
    return super.prepare(sql);
  };
}

/** Steps that go through a whole large table, or a whole index of one. */
function scansOf(ask: (db: Database) => unknown): string[] {
  using db = new Listening(history.path, { readonly: true });
  ask(db);
  return [...new Set(db.asked)].flatMap((sql) => {
    // pages go down the table from where they are, and stop when they are full
    if (/ NOT INDEXED\b.* LIMIT \?$/.test(sql)) return [];
    const plan = history.db.query<{ detail: string }, []>(`EXPLAIN QUERY PLAN ${sql}`).all();
    return plan.filter(({ detail }) => LARGE.test(detail)).map(({ detail }) => `${detail}: ${sql}`);
  });
}

const page = { before: 5000, limit: 50 };
const sinceMs = 1_795_176_000_000;
const [call] = history.rows("SELECT max(call_id) AS id FROM effects");
const id = `call-${Object(call).id}`;

describe("no large table is looked through as a whole", () => {
  test.each(
    Object.entries<(db: Database) => unknown>({
      sessions: (db) => readSessions(db, { server: "git", sinceMs }, page),
      calls: (db) => readCalls(db, {}, page),
      "calls of a session": (db) => readCalls(db, { sessionId: "session-2", sinceMs }, page),
      "calls of a tool": (db) => readCalls(db, { target: "git_1", server: "git" }, page),
      "calls that failed": (db) => readCalls(db, { statuses: ["error", "unanswered"] }, page),
      "calls of a tool that failed": (db) =>
        readCalls(db, { target: "git_1", statuses: ["error"], sinceMs, untilMs: sinceMs }, page),
      "slow calls": (db) => readCalls(db, { minDurationMs: 100 }, page),
      "calls that reached a host": (db) => readCalls(db, { reachedHost: "api7.example.com" }, page),
      "one call": (db) => readCall(db, id, { maxMessages: 5, maxEffects: 5, maxChars: 50 }),
      connections: (db) => readConnections(db, { sinceMs }, page),
      "connections of a process": (db) => readConnections(db, { pid: 1001 }, page),
      "connections of a program": (db) => readConnections(db, { comm: "node", port: 443 }, page),
      "connections of a container": (db) => readConnections(db, { container: "3f2a" }, page),
      "connections to a host": (db) => readConnections(db, { host: "api7.example.com" }, page),
      "connections to a port": (db) => readConnections(db, { port: 443 }, page),
      "connections that failed": (db) => readConnections(db, { outcomes: ["refused"] }, page),
      "connections by protocol": (db) => readConnections(db, { protocol: "udp" }, page),
      "a summary of a process": (db) => summarize(db, { pid: 1001, sinceMs }),
      "a summary of a program": (db) => summarize(db, { comm: "node", sinceMs }),
      coverage: readCoverage,
      failures: (db) => readFailures(db, { sinceMs, untilMs: sinceMs + 3_600_000, limit: 5 }),
    }),
  )("%s", (_, ask) => {
    expect(scansOf(ask)).toEqual([]);
  });

  test.each(QUESTIONS)("overhear query $name", (question) => {
    const about = question.about === undefined ? undefined : "api7.example.com";
    const asked = { sinceUs: sinceMs * 1000, limit: 20, about };
    expect(scansOf((db) => answer(db, question, asked))).toEqual([]);
  });

  test("a query that looks through everything is found out", () => {
    const ask = (db: Database) => db.query("SELECT count(body) FROM messages").all();
    expect(scansOf(ask)).toEqual(["SCAN messages: SELECT count(body) FROM messages"]);
  });
});
