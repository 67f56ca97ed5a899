import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { UsageError } from "../../../src/cli/errors.ts";
import { renderQuery } from "../../../src/cli/query.ts";
import type { QueryOptions } from "../../../src/cli/types.ts";
import { OutputError } from "../../../src/sinks/errors.ts";
import { QUESTIONS } from "../../../src/store/questions.ts";
import { loss, TIME_NS } from "../sinks/items.ts";
import { TestHistory } from "../store/history.ts";
import { traffic } from "../store/traffic.ts";

/** Of the made-up clock. */
const NOW_MS = 1_795_176_000_000 + 100 * 3_600_000;
const ROOT = join(import.meta.dir, "../../..");

const history = new TestHistory();
for (const items of traffic({ calls: 500, startNs: 98 * 36e11, lastsNs: 36e11, sessions: 8 })) {
  history.store(items);
}
history.store([loss({ timeNs: 99.5 * 36e11 }), loss({ timeNs: TIME_NS, reason: "fault" })]);

afterAll(() => history[Symbol.dispose]());

function ask(query: string | undefined, over: Partial<QueryOptions> = {}): string {
  const options: QueryOptions = {
    path: history.path,
    query,
    about: undefined,
    sinceMs: 86_400_000,
    limit: 20,
    format: "ndjson",
    debug: false,
    ...over,
  };
  return renderQuery(options, NOW_MS);
}

const rowsOf = (text: string): unknown[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));

function refusal(act: () => unknown): { message: string; hint: string } {
  try {
    act();
  } catch (error) {
    if (error instanceof UsageError) return { message: error.message, hint: error.hint };
    throw error;
  }
  throw new Error("accepted");
}

describe("renderQuery", () => {
  test.each(QUESTIONS)("renderQuery answers $name in every format", ({ name, about }) => {
    const over = about?.isNeeded === true ? { about: "api7.example.com" } : {};
    const rows = rowsOf(ask(name, over));
    expect(rows.length).toBeGreaterThan(["open", "changed"].includes(name) ? -1 : 0);
    expect(JSON.parse(ask(name, { ...over, format: "json" }))).toEqual(rows);
    const table = ask(name, { ...over, format: "table" })
      .trimEnd()
      .split("\n");
    expect(table.length).toBe(rows.length + 1);
  });

  test("renderQuery gives sums that agree with the rows they are of", () => {
    const count = (sql: string) => Number(Object(rowsOf(ask(sql))[0]).n);
    const sum = (text: string, key: string) =>
      rowsOf(text).reduce<number>((all, row) => all + Number(Object(row)[key]), 0);
    const all = { limit: 1000 };
    expect(sum(ask("tools", all), "calls")).toBe(count("SELECT count(*) AS n FROM calls"));
    const failed = count("SELECT count(*) AS n FROM calls WHERE outcome <> 'ok'");
    expect(sum(ask("tools", all), "failed")).toBe(failed);
    expect(sum(ask("failures", all), "calls")).toBe(failed);
    expect(rowsOf(ask("failed", all)).length).toBe(failed);
    const connections = count("SELECT count(*) AS n FROM connections");
    expect(sum(ask("hosts", all), "connections")).toBe(connections);
    const refused = count("SELECT count(*) AS n FROM connections WHERE established = 0");
    expect(sum(ask("refused", all), "connections")).toBe(refused);
    expect(sum(ask("ran", all), "effects")).toBe(count("SELECT count(*) AS n FROM effects"));
    expect(sum(ask("servers", all), "calls")).toBe(500);
    expect(sum(ask("traffic", all), "calls")).toBe(500);
  });

  test("renderQuery's percentiles are within the width of a class of the true ones", () => {
    for (const row of rowsOf(ask("tools", { limit: 1000 }))) {
      const { server, target, p50_ms: p50, p95_ms: p95, max_ms: max } = Object(row);
      const durations = history.db
        .query<{ us: number }, [string, string]>(
          "SELECT duration_us AS us FROM calls JOIN tools ON tools.id = tool_id WHERE server = ? AND target = ? AND duration_us IS NOT NULL ORDER BY 1",
        )
        .all(server, target)
        .map(({ us }) => us / 1000);
      const rank = (share: number) => durations[Math.ceil(share * durations.length) - 1] ?? 0;
      expect(p50 / rank(0.5)).toBeWithin(0.955, 1.046);
      expect(p95 / rank(0.95)).toBeWithin(0.955, 1.046);
      expect(max).toBe(durations.at(-1));
    }
  });

  test("renderQuery leaves out what is older, or beyond the limit", () => {
    expect(rowsOf(ask("slow", { limit: 7 })).length).toBe(7);
    const slowest = rowsOf(ask("slow", { limit: 500 })).map((row) => Object(row).duration_ms);
    expect(slowest).toEqual(slowest.toSorted((one, other) => other - one));
    expect(rowsOf(ask("failed", { sinceMs: 1000 }))).toEqual([]);
    expect(rowsOf(ask("unheard")).map((row) => Object(row).reason)).toEqual(["ring_full"]);
    expect(rowsOf(ask("unheard", { sinceMs: undefined })).length).toBe(2);
  });

  test("renderQuery asks about one server, or one host, only", () => {
    const servers = rowsOf(ask("tools", { about: "git" })).map((row) => Object(row).server);
    expect(new Set(servers)).toEqual(new Set(["git"]));
    expect(rowsOf(ask("reached", { about: "API7.example.com" })).length).toBeGreaterThan(0);
    expect(rowsOf(ask("reached", { about: "nowhere" }))).toEqual([]);
    expect(refusal(() => ask("reached")).message).toBe('Cannot query "reached": HOST needed');
    expect(refusal(() => ask("slow", { about: "git" })).message).toContain('Cannot use "git" here');
  });

  test("renderQuery lists the ready queries, without looking at the database", () => {
    const list = rowsOf(ask(undefined, { path: "/nowhere" }));
    expect(list.length).toBe(QUESTIONS.length);
  });

  test("renderQuery runs SQL that reads, and no other", () => {
    expect(ask("SELECT 1 AS one, NULL AS none, 'x' AS two")).toBe('{"one":1,"two":"x"}\n');
    for (const sql of [
      "DELETE FROM calls",
      "SELEC 1",
      "SELECT nothing FROM calls",
      "DROP TABLE calls ",
    ]) {
      expect(refusal(() => ask(sql)).message).toStartWith("Cannot query: ");
    }
    expect(refusal(() => ask("tols")).hint).toBe('did you mean "tools"?');
    expect(() => ask("tools", { path: "/nowhere/x.db" })).toThrow(OutputError);
  });

  test("renderQuery shows no control character of what was heard on a terminal", () => {
    const table = ask("SELECT char(27) || '[31mred' || char(10) || 'next' AS text", {
      format: "table",
    });
    expect(table).toBe("TEXT\n\\x1b[31mred\\nnext\n");
    expect(ask("SELECT char(27) AS text")).toBe('{"text":"\\u001b"}\n');
  });
});

test("overhear query reads a database from the command line, and ends with 2 or 6 where it cannot", () => {
  const run = (...argv: string[]) => {
    const { exitCode, stdout, stderr } = Bun.spawnSync(
      [process.execPath, "src/main.ts", "query", ...argv],
      { cwd: ROOT },
    );
    return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
  };
  const found = run("--db", history.path, "SELECT count(*) AS n FROM calls", "--json");
  expect(found).toEqual({ exitCode: 0, stdout: '[{"n":500}]\n', stderr: "" });
  expect(run("tools").exitCode).toBe(2);
  expect(run("--db", "/nowhere/x.db", "tools").exitCode).toBe(6);
});
