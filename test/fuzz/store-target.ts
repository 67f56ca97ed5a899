/** Any lines as a recording that is stored: nothing throws, and what was heard comes out of the database again. */
import { Database } from "bun:sqlite";
import type { ExchangeItem } from "../../src/exchange/types.ts";
import { asFields } from "../../src/replay/fields.ts";
import { RecordedClock } from "../../src/replay/recorded-time.ts";
import { ReplayRun } from "../../src/replay/replay-run.ts";
import { redactor } from "../../src/sinks/redact.ts";
import { migrate } from "../../src/store/open-database.ts";
import { readCalls } from "../../src/store/read/calls.ts";
import { readFailures } from "../../src/store/read/failures.ts";
import { readSessions } from "../../src/store/read/sessions.ts";
import { recordedLines } from "../../src/store/recorded-lines.ts";
import { Recorder } from "../../src/store/recorder.ts";
import { STEPS } from "../../src/store/schema.ts";
import { VIEWS } from "../../src/store/views.ts";
import { Writer } from "../../src/store/writer.ts";
import { replayTarget } from "./replay-target.ts";
import { assertEqual, type FuzzTarget } from "./target.ts";

const TABLES = [...STEPS.join("\n").matchAll(/CREATE TABLE (\w+)/g)].map(([, name = ""]) => name);
const MAX_BODY_BYTES = 1024;

let opened: Database | undefined;

/** In memory; made when it is first needed, and empty. */
function database(): Database {
  if (opened === undefined) {
    opened = new Database(":memory:");
    migrate(opened, STEPS);
  }
  for (const table of TABLES) opened.run(`DELETE FROM ${table}`);
  opened.run("INSERT INTO removed VALUES (0, NULL)");
  return opened;
}

export const storeTarget: FuzzTarget = {
  name: "store",
  seeds: replayTarget.seeds,
  check(input, random) {
    const db = database();
    const clock = new RecordedClock();
    const run = new ReplayRun(clock, true);
    const limits = { maxBodyBytes: MAX_BODY_BYTES, bodyMargin: 4096, segmentBytes: 1 << 20 };
    const recorder = new Recorder({
      clock,
      runId: 1,
      firstId: 1,
      ...limits,
      isOwn: () => false,
      isOwnEnd: () => false,
    });
    const mask = random(2) === 0 ? redactor : undefined;
    using writer = new Writer(db, { runId: 1, mask, maxBodyBytes: MAX_BODY_BYTES });
    const heard = new Map<string, number>();
    const store = (items: readonly ExchangeItem[]) => {
      for (const { kind } of items) heard.set(kind, (heard.get(kind) ?? 0) + 1);
      writer.write(recorder.record(items, () => "all"));
    };
    for (const line of Buffer.from(input).toString().split("\n")) {
      const fields = parseLine(line);
      if (fields !== undefined) run.push(fields);
      store(run.take());
    }
    run.end();
    store(run.take());
    const stored = new Map<string, number>();
    for (const line of recordedLines(db)) {
      const kind = String(line["kind"]);
      if (kind !== "summary") stored.set(kind, (stored.get(kind) ?? 0) + 1);
      if (kind === "message") JSON.parse(String(line["raw"]));
    }
    heard.delete("call");
    const sorted = (counts: ReadonlyMap<string, number>) => [...counts].toSorted();
    assertEqual(sorted(stored), sorted(heard), "lines that are stored");
    const page = { before: undefined, limit: 100 };
    readCalls(db, {}, page);
    readSessions(db, {}, page);
    readFailures(db, { sinceMs: 0, untilMs: undefined, limit: 10 });
    for (const { name } of VIEWS) db.query(`SELECT * FROM ${name}`).all();
  },
};

function parseLine(line: string) {
  try {
    return asFields(JSON.parse(line));
  } catch {
    return undefined;
  }
}
