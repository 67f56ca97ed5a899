/**
 * A wall clock that is set while the host is heard: forward by a year, back by two. In guests only: the clock of this
 * machine is not ours to set.
 */
import { Database } from "bun:sqlite";
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { differences, linesAbout } from "./compare.ts";
import { at, type Json, numberAt, textAt } from "./json.ts";
import { ANY_FRONT_END, EMULATED, missing, PATIENCE_MS, titled } from "./settings.ts";
import { type Heard, Tool } from "./tool.ts";
import { talk } from "./traffic.ts";
import type { Truth } from "./truth.ts";

setDefaultTimeout(PATIENCE_MS * 4);
const lacks = missing() ?? (EMULATED ? undefined : "clock of its own");
const YEAR_MS = 365 * 86_400_000;
/** The tool looks at the clock every 2 s, and for what is too old every 10. */
const NOTICED_MS = 12_000;

function setClock(byMs: number): void {
  const to = `@${Math.round((Date.now() + byMs) / 1000)}`;
  const { exitCode, stderr } = Bun.spawnSync(["date", "-s", to], { stdout: "ignore" });
  if (exitCode !== 0) throw new Error(`date -s ${to}: ${stderr.toString()}`);
}

interface Stage {
  readonly truth: Truth;
  /** What the wall clock said before and after, ms. */
  readonly fromMs: number;
  readonly untilMs: number;
}

async function stage(tag: string): Promise<Stage> {
  const fromMs = Date.now();
  const truth = await talk(["--messages", "23", "--tag", tag]);
  return { truth, fromMs, untilMs: Date.now() };
}

function timesOf(heard: Heard, { truth }: Stage): number[] {
  const messages = linesAbout(heard, truth).filter((line) => line["kind"] === "message");
  return messages.map((line) => Date.parse(textAt(line, "timestamp")));
}

/** Every time taken that a line tells. */
function spans(lines: readonly Json[]): number[] {
  return lines.flatMap((line) =>
    ["duration_ms", "server_ms", "queued_ms"]
      .filter((key) => at(line, key) !== undefined)
      .map((key) => numberAt(line, key)),
  );
}

test.skipIf(lacks !== undefined)(
  titled(
    "a wall clock that is set: all is heard, at the time that it then was, and kept whatever its age seems [output/history-clock]",
    lacks,
  ),
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "overhear-clock."));
    const db = join(directory, "x.db");
    const stages: Stage[] = [];
    let setByMs = 0;
    const set = async (tool: Tool, byMs: number) => {
      await tool.caughtUp();
      setByMs += byMs;
      setClock(byMs);
      await Bun.sleep(NOTICED_MS);
    };
    try {
      const keep = ["--db", db, "--db-keep", "1h"];
      await using tool = await Tool.start("--attach", ANY_FRONT_END, "-k", "all", ...keep);
      stages.push(await stage("now"));
      await set(tool, YEAR_MS);
      stages.push(await stage("in-a-year"));
      await set(tool, -2 * YEAR_MS);
      stages.push(await stage("a-year-ago"));
      await set(tool, YEAR_MS);
      stages.push(await stage("now-again"));
      const heard = await tool.stop();

      expect(stages.flatMap(({ truth }) => differences(heard, truth))).toEqual([]);
      for (const each of stages) {
        const times = timesOf(heard, each);
        expect(Math.min(...times)).toBeGreaterThanOrEqual(each.fromMs - 1000);
        expect(Math.max(...times)).toBeLessThanOrEqual(each.untilMs + 1000);
      }
      const taken = spans(heard.lines);
      expect(Math.min(...taken)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...taken)).toBeLessThan(PATIENCE_MS);
      expectKept(db, heard);
    } finally {
      setClock(-setByMs);
      rmSync(directory, { recursive: true });
    }
  },
);

/** All messages of the run, in the order in which they were heard; no time taken but those that lines told. */
function expectKept(path: string, heard: Heard): void {
  using db = new Database(path, { readonly: true });
  const bodies = db.query<{ body: string }, []>("SELECT body FROM messages ORDER BY id").all();
  const messages = heard.lines.filter((line) => line["kind"] === "message");
  expect(bodies.map(({ body }) => body)).toEqual(messages.map((line) => textAt(line, "raw")));
  const durations = db
    .query<{ ms: number }, []>(
      "SELECT duration_ms AS ms FROM call_list WHERE duration_ms IS NOT NULL",
    )
    .all();
  expect(durations.length).toBeGreaterThan(0);
  const told = new Set(heard.lines.map((line) => at(line, "duration_ms")));
  expect(durations.filter(({ ms }) => !told.has(ms))).toEqual([]);
  expect(db.query("PRAGMA integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
}
