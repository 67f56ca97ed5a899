/** Ten thousand connections a second, beside MCP and into a history: each is told once or counted, and nobody waits. */
import { Database } from "bun:sqlite";
import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { differences } from "./compare.ts";
import { at, type Json, numberAt, parseObject, textAt } from "./json.ts";
import { ANY_FRONT_END, LACKS_SPEED, missing, PATIENCE_MS, ROOT, titled } from "./settings.ts";
import { Tool } from "./tool.ts";
import { talk } from "./traffic.ts";

setDefaultTimeout(PATIENCE_MS * 4);
const RUSH = join(ROOT, "build/test/rush");
const absent = existsSync(RUSH) ? undefined : "rush (test/traffic/build.sh)";
const lacks = missing() ?? absent ?? LACKS_SPEED;
const RATE = 10_000;
const COUNT = 3 * RATE;
const attach = ["--attach", ANY_FRONT_END];

function freePort(): number {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  const { port } = probe;
  probe.stop(true);
  return port;
}

/** Resolves with the rate that was reached. */
async function rush(port: number): Promise<number> {
  const options = { connections: COUNT, rate: RATE, processes: 4, port };
  const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = Bun.spawn([RUSH, ...words], { stdin: "ignore", stderr: "inherit" });
  const said = await new Response(child.stdout).text();
  expect(await child.exited).toBe(0);
  return numberAt(parseObject(said), "connections_per_s");
}

function peakMegabytes(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}

/** Of each connection two ends: told once each, and those that were not are less than half of the records that were lost. */
function expectAccounted(lines: readonly Json[], summary: Json, port: number): void {
  const ends = lines
    .filter((line) => at(line, "kind") === "connection" && at(line, "event") === "end")
    .filter((line) => [at(line, "remote", "port"), at(line, "local", "port")].includes(port));
  const told = new Set(ends.map((line) => textAt(line, "connection")));
  expect(told.size).toBe(ends.length);
  const untold = 2 * COUNT - told.size;
  const lost = numberAt(summary, "connection_events_lost");
  const unseen = numberAt(summary, "connections_unseen");
  expect(untold).toBeGreaterThanOrEqual(0);
  expect(2 * untold).toBeLessThanOrEqual(lost + 2 * unseen);
  expect(lines.filter((line) => at(line, "event") === "open" && isOf(line, port))).toEqual([]);
}

function isOf(line: Json, port: number): boolean {
  return [at(line, "remote", "port"), at(line, "local", "port")].includes(port);
}

test.skipIf(lacks !== undefined)(
  titled("10,000 connections/s: each end is told once, or counted as not seen", lacks),
  async () => {
    const port = freePort();
    await using tool = await Tool.watch(...attach, "--port", String(port));
    const rate = await rush(port);
    await Bun.sleep(1000);
    const peak = peakMegabytes(tool.pid);
    const { lines, summary } = await tool.stop();
    expect(rate).toBeGreaterThan(RATE / 2);
    expectAccounted(lines, summary, port);
    expect(peak).toBeLessThan(400);
  },
);

test.skipIf(lacks !== undefined)(
  titled(
    "10,000 connections/s beside MCP and into a history: every message is heard, and what finds no room is counted",
    lacks,
  ),
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "overhear-rush."));
    const db = join(directory, "x.db");
    try {
      const port = freePort();
      // on a busy machine the tool may get no turn for seconds: what comes meanwhile has room
      const options = ["-k", "all", "--db", db, "--ring", "64M"];
      await using tool = await Tool.start(...attach, ...options);
      const [rate, truth] = await Promise.all([
        rush(port),
        talk(["--messages", "500", "--rate", "200", "--tag", "in-a-rush"]),
      ]);
      await Bun.sleep(1000);
      const peak = peakMegabytes(tool.pid);
      const heard = await tool.stop();
      expect(rate).toBeGreaterThan(RATE / 2);
      expect(differences(heard, truth)).toEqual([]);
      expectAccounted(heard.lines, heard.summary, port);
      expect(peak).toBeLessThan(500);
      const dropped = Number(/(\d+) of the rows of this run/.exec(heard.stderr)?.[1] ?? 0);
      using history = new Database(db, { readonly: true });
      const rows = (sql: string) => history.query<{ n: number }, []>(sql).get()?.n ?? -1;
      const stored = rows(
        `SELECT count(*) AS n FROM connections WHERE ${port} IN (remote_port, local_port)`,
      );
      expect(stored).toBeLessThanOrEqual(2 * COUNT);
      if (dropped === 0) {
        const told = heard.lines.filter((line) => at(line, "event") === "end" && isOf(line, port));
        expect(stored).toBe(told.length);
      }
      expect(rows("SELECT dropped_rows AS n FROM runs")).toBe(dropped);
      expect(history.query("PRAGMA integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
);
