/**
 * Fills a history with made-up traffic of thirty days, then times what is asked of it: bun test/bench/store.ts
 * [calls] [FILE]. A million calls make some four and a half million rows. With FILE the database stays, and one that is
 * there is only asked. Times are CPU times.
 */
import { existsSync, rmSync, statSync } from "node:fs";
import { release } from "node:os";
import type { Batch } from "../../src/store/batch.ts";
import { openForReading } from "../../src/store/open-database.ts";
import { answer, QUESTIONS } from "../../src/store/questions.ts";
import { HistoryReader } from "../../src/store/reader.ts";
import { TestHistory } from "../unit/store/history.ts";
import { traffic } from "../unit/store/traffic.ts";

const [, , callsText = "1000000", file] = process.argv;
const path = file ?? `/tmp/overhear-bench-${process.pid}.db`;
const DAYS_NS = 30 * 86_400_000_000_000;
const ROUNDS = 5;
/** The last call is of now. */
const NOW_MS = Date.now();
const clock = {
  toUnixMicros: (ns: number) => Math.floor(ns / 1000) + NOW_MS * 1000 - DAYS_NS / 1000,
};

function fill(): void {
  using history = new TestHistory({ path, clock });
  let makingMs = 0;
  let writingMs = 0;
  let bytes = 0;
  const start = performance.now();
  let waiting: Batch[] = [];
  for (const items of traffic({ calls: Number(callsText), startNs: 0, lastsNs: DAYS_NS })) {
    makingMs += timed(() => waiting.push(...history.recorder.record(items, () => "all")));
    // as many as the thread gathers
    if (waiting.length < 10) continue;
    writingMs += timed(() => history.writer.write(waiting));
    bytes += waiting.reduce((sum, each) => sum + each.bytes, 0);
    waiting = [];
  }
  history.writer.write(waiting);
  history.end();
  const rows = countRows();
  const perRow = (ms: number) => `${((ms * 1000) / rows).toFixed(1)} µs a row`;
  say(`${rows} rows in ${Math.round((performance.now() - start) / 1000)} s`);
  say(`  on the capture's thread ${perRow(makingMs)}, on the other ${perRow(writingMs)}`);
  say(
    `  ${Math.round(rows / (writingMs / 1000))} rows/s; ${Math.round(bytes / rows)} B a row between`,
  );
  say(`  ${Math.round(statSync(path).size / 1e6)} MB`);
}

function countRows(): number {
  using db = openForReading(path);
  const tables = ["messages", "calls", "connections", "effects", "sessions", "connection_events"];
  return tables.reduce(
    (sum, table) =>
      sum + (db.query<{ n: number }, []>(`SELECT count(*) AS n FROM ${table}`).get()?.n ?? 0),
    0,
  );
}

function time(name: string, ask: () => unknown): void {
  const first = timed(ask);
  const times = Array.from({ length: ROUNDS }, () => timed(ask)).sort((a, b) => a - b);
  const median = times[Math.floor(ROUNDS / 2)] ?? 0;
  const mark = median > 50 ? "  ABOVE 50 ms" : "";
  say(`  ${name.padEnd(44)} ${median.toFixed(1)} ms (first ${first.toFixed(1)})${mark}`);
}

/** CPU time: others may be busy on the machine; all that is read is in memory by then. */
function timed(ask: () => unknown): number {
  const start = process.cpuUsage();
  ask();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

say(`Bun ${Bun.version}, kernel ${release()}, ${navigator.hardwareConcurrency} CPUs`);
if (!existsSync(path)) fill();
say(`${countRows()} rows`);

const reader = new HistoryReader(path);
const page = { before: undefined, limit: 50 };
const hourAgo = NOW_MS - 3_600_000;
const dayAgo = NOW_MS - 86_400_000;
const [call] = reader.calls({}, page).items;
say("reader:");
time("sessions", () => reader.sessions({}, page));
time("sessions of a server", () => reader.sessions({ server: "weather" }, page));
time("sessions that are open", () => reader.sessions({ isOpen: true }, page));
time("calls", () => reader.calls({}, page));
time("calls, a page far down", () => reader.calls({}, { before: 1000, limit: 50 }));
time("calls of a session", () => reader.calls({ sessionId: call?.sessionId }, page));
time("calls of a tool", () => reader.calls({ target: "git_2" }, page));
time("calls of a server that nobody knows", () => reader.calls({ server: "nobody" }, page));
time("calls that failed", () => reader.calls({ statuses: ["error", "tool_error"] }, page));
time("calls of a tool that failed", () =>
  reader.calls({ target: "git_2", statuses: ["error", "tool_error"] }, page),
);
time("calls above 1 s", () => reader.calls({ minDurationMs: 1000 }, page));
time("calls above 10 min: none", () => reader.calls({ minDurationMs: 600_000 }, page));
time("calls of the last hour", () => reader.calls({ sinceMs: hourAgo }, page));
time("calls that reached a host", () => reader.calls({ reachedHost: "api7.example.com" }, page));
time("one call", () =>
  reader.call(call?.id ?? "", { maxMessages: 50, maxEffects: 50, maxChars: 4000 }),
);
time("connections", () => reader.connections({}, page));
time("connections of a program", () => reader.connections({ comm: "node" }, page));
time("connections that were refused", () => reader.connections({ outcomes: ["refused"] }, page));
time("connections to a host", () => reader.connections({ host: "api7.example.com" }, page));
time("connections over UDP: none", () => reader.connections({ protocol: "udp" }, page));
time("connections of a container: none", () => reader.connections({ container: "3f2a" }, page));
time("summary of a program, 60 s", () =>
  reader.connectionSummary({ comm: "node", sinceMs: NOW_MS - 60_000 }),
);
time("summary of a program, an hour", () =>
  reader.connectionSummary({ comm: "node", sinceMs: hourAgo }),
);
time("summary of a program, a day", () =>
  reader.connectionSummary({ comm: "node", sinceMs: dayAgo }),
);
time("coverage", () => reader.coverage());
time("failures of an hour", () =>
  reader.failures({ sinceMs: hourAgo, untilMs: undefined, limit: 20 }),
);
time("failures of a day", () =>
  reader.failures({ sinceMs: dayAgo, untilMs: undefined, limit: 20 }),
);
time("latest", () => reader.latest());
reader.close();

using db = openForReading(path);
for (const [name, sinceUs] of [
  ["24 h", dayAgo * 1000],
  ["all", 0],
] as const) {
  say(`overhear query, ${name}:`);
  for (const question of QUESTIONS) {
    const about = question.about?.isNeeded === true ? "api7.example.com" : undefined;
    time(question.name, () => answer(db, question, { sinceUs, limit: 20, about }));
  }
}
if (file === undefined) for (const end of ["", "-wal", "-shm"]) rmSync(path + end, { force: true });
