import { describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { type Keep, type Now, Retention } from "../../../src/store/retention.ts";
import { readBootId } from "../../../src/store/run-row.ts";
import { loss } from "../sinks/items.ts";
import { TestHistory } from "./history.ts";
import { traffic } from "./traffic.ts";

const HOUR_NS = 3_600_000_000_000;
const HOUR_MS = 3_600_000;
const BOOT_US = 1_795_176_000_000_000;
const TABLES = [
  "messages",
  "calls",
  "effects",
  "connections",
  "connection_events",
  "call_sums",
  "connection_sums",
  "effect_sums",
  "segments",
];

/** Of this boot, at a time of its clock; the wall clock goes with it unless it was set. */
function at(bootNs: number, over: Partial<Now> = {}): Now {
  return { bootId: readBootId(), bootNs, steadyUs: BOOT_US + bootNs / 1000, ...over };
}

function work(history: TestHistory, keep: Partial<Keep>, now: Now): number {
  const { db, path, runId } = history;
  const retention = new Retention(db, path, runId, { ageMs: undefined, bytes: undefined, ...keep });
  let slices = 0;
  while (retention.work(now)) slices++;
  history.writer.forget();
  return slices;
}

function fill(history: TestHistory, startNs: number, hours: number, calls = 600): void {
  for (const items of traffic({ calls, startNs, lastsNs: hours * HOUR_NS, sessions: 4 })) {
    history.store(items);
  }
}

const count = (history: TestHistory, table: string): number =>
  Number(Object(history.rows(`SELECT count(*) AS n FROM ${table}`)[0]).n);
const counts = (history: TestHistory) => TABLES.map((table) => count(history, table));

/** What stands in a row and is nowhere. */
function dangling(history: TestHistory): number[] {
  const links = [
    "messages WHERE session_id NOT IN (SELECT id FROM sessions)",
    "messages WHERE channel_id NOT IN (SELECT id FROM channels)",
    "messages WHERE from_id NOT IN (SELECT id FROM parties)",
    "calls WHERE tool_id NOT IN (SELECT id FROM tools)",
    "calls WHERE session_id NOT IN (SELECT id FROM sessions)",
    "call_sums WHERE tool_id NOT IN (SELECT id FROM tools)",
    "connections WHERE process_id NOT IN (SELECT id FROM parties)",
    "connections WHERE host_id NOT IN (SELECT id FROM hosts)",
    "connection_sums WHERE host_id NOT IN (SELECT id FROM hosts)",
  ];
  return links.map((link) => count(history, link));
}

describe("Retention", () => {
  test("Retention keeps what is young enough, and removes the rest with all that is only its", () => {
    using history = new TestHistory();
    fill(history, 100 * HOUR_NS, 10);
    const before = counts(history);
    work(history, { ageMs: 24 * HOUR_MS }, at(111 * HOUR_NS));
    expect(counts(history)).toEqual(before);
    work(history, { ageMs: 4 * HOUR_MS }, at(111 * HOUR_NS));
    const left = history.rows("SELECT start_us, end_us FROM segments ORDER BY id");
    expect(left.length).toBeWithin(3, 6);
    const oldest = Object(left[0]).end_us;
    expect(oldest).toBeGreaterThanOrEqual(BOOT_US + (107 * HOUR_NS) / 1000);
    const first = Number(Object(history.rows("SELECT min(id) AS id FROM segments")[0]).id);
    for (const table of ["messages", "calls", "effects"]) {
      expect(count(history, `${table} WHERE id < ${first}`)).toBe(0);
      expect(count(history, table)).toBeGreaterThan(0);
    }
    expect(dangling(history)).toEqual(dangling(history).map(() => 0));
    expect(count(history, "sessions")).toBe(4);
    using reader = history.reader();
    const removed = reader.coverage().removedRows;
    expect(
      removed +
        reader.coverage().calls +
        reader.coverage().messages +
        reader.coverage().connections,
    ).toBe((before[0] ?? 0) + (before[1] ?? 0) + (before[3] ?? 0));
  });

  test("Retention always keeps the newest segment", () => {
    using history = new TestHistory();
    fill(history, 100 * HOUR_NS, 3);
    work(history, { ageMs: 1 }, at(1000 * HOUR_NS));
    expect(count(history, "segments")).toBe(1);
    expect(count(history, "messages")).toBeGreaterThan(0);
    expect(dangling(history)).toEqual(dangling(history).map(() => 0));
  });

  test("Retention by size gives space back to the file system, and keeps the newest", () => {
    using history = new TestHistory({ segmentBytes: 1 << 18 });
    fill(history, 100 * HOUR_NS, 0.5, 8000);
    history.db.run("PRAGMA wal_checkpoint(TRUNCATE)");
    const before = statSync(history.path).size;
    const limit = Math.floor(before / 3);
    const slices = work(history, { bytes: limit }, at(101 * HOUR_NS));
    history.db.run("PRAGMA wal_checkpoint(TRUNCATE)");
    expect(slices).toBeGreaterThan(5);
    // a slice of free pages may stay for what comes next
    expect(statSync(history.path).size).toBeLessThan(limit + 2000 * 4096);
    expect(statSync(history.path).size).toBeLessThan(before);
    const newest = history.rows("SELECT max(id) AS id FROM messages");
    expect(Object(newest[0]).id).toBeGreaterThan(0);
    expect(history.rows("PRAGMA integrity_check")).toEqual([{ integrity_check: "ok" }]);
  }, 30_000);

  test("what is stored after a removal finds its tools, hosts, sessions and parties again", () => {
    using history = new TestHistory();
    fill(history, 100 * HOUR_NS, 3);
    work(history, { ageMs: 1 }, at(1000 * HOUR_NS));
    fill(history, 200 * HOUR_NS, 3);
    expect(dangling(history)).toEqual(dangling(history).map(() => 0));
    using reader = history.reader();
    const page = { before: undefined, limit: 1000 };
    expect(reader.calls({ target: "git_1" }, page).items.length).toBeGreaterThan(0);
  });

  test("a wall clock that is set forward by years removes nothing", () => {
    using history = new TestHistory();
    fill(history, 100 * HOUR_NS, 3);
    const before = counts(history);
    // the run goes by the other clock: this is what steadyUs is made of
    work(history, { ageMs: 24 * HOUR_MS }, at(104 * HOUR_NS, { steadyUs: BOOT_US * 2 }));
    expect(counts(history)).toEqual(before);
  });

  test("what was stored while the wall clock was years ahead is as old as what came next", () => {
    using history = new TestHistory();
    fill(history, 100 * HOUR_NS, 2);
    history.db.run("UPDATE runs SET boot_id = 'another boot'");
    const [newest] = history.rows("SELECT max(id) AS id FROM segments");
    const last = Number(Object(newest).id);
    history.db.run(`UPDATE segments SET end_us = end_us + 1000000000000000 WHERE id < ${last}`);
    const now = at(1, { steadyUs: BOOT_US + (105 * HOUR_NS) / 1000 });
    const before = count(history, "segments");
    work(history, { ageMs: 24 * HOUR_MS }, now);
    expect(count(history, "segments")).toBe(before);
    work(history, { ageMs: 2 * HOUR_MS }, now);
    expect(count(history, "segments")).toBe(1);
  });

  test("a connection that is open for long is kept, and told of when it ends", () => {
    using history = new TestHistory();
    for (const items of traffic({
      calls: 20,
      startNs: 100 * HOUR_NS,
      lastsNs: HOUR_NS,
      sessions: 1,
    })) {
      history.store(items.filter((item) => item.kind !== "connection" || item.event === "start"));
    }
    history.db.run(
      "UPDATE connections SET end_us = CASE id WHEN (SELECT min(id) FROM connections) THEN NULL ELSE 1 END",
    );
    history.store([loss({ timeNs: 300 * HOUR_NS })]);
    work(history, { ageMs: 1 }, at(1000 * HOUR_NS));
    expect(count(history, "segments")).toBe(1);
    expect(count(history, "connections")).toBe(1);
  });
});
