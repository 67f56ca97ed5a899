/** A history that is written while the host is heard: the same as NDJSON has, also after a kill. */
import { Database } from "bun:sqlite";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assertNdjsonText } from "../unit/sinks/validate.ts";
import { differences } from "./compare.ts";
import { at, type Json, textAt } from "./json.ts";
import { runTool } from "./run-tool.ts";
import { ANY_FRONT_END, missing, PATIENCE_MS, titled } from "./settings.ts";
import { Tool } from "./tool.ts";
import { talk } from "./traffic.ts";
import { until } from "./until.ts";

setDefaultTimeout(PATIENCE_MS * 4);
const attach = ["--attach", ANY_FRONT_END];
const lacks = missing();

class Directory implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "overhear-history."));
  file(name: string): string {
    return join(this.path, name);
  }
  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

class SmallDisk implements Disposable {
  readonly #path: string;
  constructor(path: string) {
    this.#path = path;
    mkdirSync(path);
    const mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", path];
    expect(Bun.spawnSync(mount).exitCode).toBe(0);
  }
  file(name: string): string {
    return join(this.#path, name);
  }
  [Symbol.dispose](): void {
    Bun.spawnSync(["umount", "-l", this.#path]);
  }
}

/** By SQLite itself, as other programs would. */
function rows(path: string, sql: string): Json[] {
  using db = new Database(path, { readonly: true });
  return db.query<Json, []>(sql).all();
}

const of = (lines: readonly Json[], kind: string) => lines.filter((line) => line["kind"] === kind);

/** Messages of which the text is part. */
function told(lines: readonly Json[], tag: string): number {
  return of(lines, "message").filter((line) => textAt(line, "raw").includes(tag)).length;
}

async function replayed(...args: readonly string[]): Promise<string> {
  const { code, stdout } = await runTool(
    "replay",
    "--format",
    "ndjson",
    "-b",
    "-k",
    "all",
    ...args,
  );
  expect(code).toBe(0);
  return stdout;
}

describe.skipIf(lacks !== undefined)(titled("history", lacks), () => {
  test("--db stores what NDJSON has, and replays as it [output/history]", async () => {
    using directory = new Directory();
    const [db, file] = [directory.file("x.db"), directory.file("x.ndjson")];
    await using tool = await Tool.start(...attach, "-k", "all", "--db", db, "--db-body", "4M");
    const truths = [
      await talk(["--messages", "300"]),
      await talk(["--messages", "50", "--tag", "b"]),
    ];
    const heard = await tool.stop();
    expect(truths.flatMap((truth) => differences(heard, truth))).toEqual([]);
    expect(rows(db, "SELECT body FROM messages ORDER BY id").map(({ body }) => body)).toEqual(
      of(heard.lines, "message").map((line) => at(line, "raw")),
    );
    const calls = rows(
      db,
      "SELECT outcome, method, duration_ms FROM call_list ORDER BY response_id",
    );
    expect(calls).toEqual(
      of(heard.lines, "call").map((line) => ({
        outcome: at(line, "outcome"),
        method: at(line, "method"),
        duration_ms: at(line, "duration_ms") ?? null,
      })),
    );
    expect(rows(db, "SELECT count(*) AS n FROM sessions")).toEqual([
      { n: of(heard.lines, "session").filter((line) => at(line, "event") === "start").length },
    ]);
    await Bun.write(file, heard.lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    expect(await replayed(db)).toBe(await replayed(file));
    const files = ["", "-wal", "-shm"].map((end) => statSync(db + end, { throwIfNoEntry: false }));
    expect(new Set(files.flatMap((stats) => stats?.mode ?? []))).toEqual(new Set([0o100600]));
  });

  test("a kill leaves a history that is whole and goes on [output/history-kill]", async () => {
    using directory = new Directory();
    const db = directory.file("x.db");
    for (const run of [1, 2]) {
      await using tool = await Tool.start(...attach, "--db", db);
      await talk(["--messages", "200", "--tag", `run-${run}-`]);
      await until(
        () =>
          rows(db, `SELECT count(*) AS n FROM messages WHERE body LIKE '%run-${run}-%'`)[0]?.[
            "n"
          ] !== 0,
        "the first rows",
      );
      const busy = talk(["--messages", "2000"]);
      await Bun.sleep(50);
      tool.kill("SIGKILL");
      await busy;
    }
    expect(rows(db, "PRAGMA integrity_check")).toEqual([{ integrity_check: "ok" }]);
    const torn =
      "SELECT id FROM calls WHERE session_id NOT IN (SELECT id FROM sessions) OR id NOT IN (SELECT id FROM messages)";
    expect(rows(db, torn)).toEqual([]);
    await using tool = await Tool.start(...attach, "--db", db);
    await tool.stop();
    expect(
      rows(db, "SELECT ended_by FROM runs ORDER BY id").map((row) => textAt(row, "ended_by")),
    ).toEqual(["killed", "killed", "signal"]);
    assertNdjsonText(await replayed(db));
  });

  test("a disk that is full holds nobody up: all is heard, what is missing is counted, and it goes on [output/history-full]", async () => {
    using directory = new Directory();
    using disk = new SmallDisk(directory.file("disk"));
    const db = disk.file("x.db");
    writeFileSync(disk.file("filler"), Buffer.alloc(11 << 20));
    await using tool = await Tool.start(...attach, "-k", "all", "--db", db, "--fail-on-loss");
    const sizes = ["--size", "4000", "--messages", "500"];
    const truths = [await talk([...sizes, "--tag", "fills-"])];
    await tool.says("not written at the moment: no space left on device");
    truths.push(await talk(["--messages", "100", "--tag", "full-"]));
    rmSync(disk.file("filler"));
    await tool.says("written again; 0 rows are missing");
    // full again, and more than waits for room
    writeFileSync(disk.file("rest"), "");
    Bun.spawnSync(["dd", "if=/dev/zero", `of=${disk.file("rest")}`, "bs=64k"], {
      stderr: "ignore",
    });
    truths.push(await talk(["--size", "4000", "--messages", "1500", "--tag", "to-the-end-"]));
    const heard = await tool.stop();
    expect(truths.flatMap((truth) => differences(heard, truth))).toEqual([]);
    const missing = /(\d+) of the rows of this run are not in it: no space/.exec(heard.stderr)?.[1];
    expect([heard.exitCode, Number(missing) > 0]).toEqual([5, true]);
    expect(heard.stderr).toMatch(/ rows? not in the history/);
    rmSync(disk.file("rest"));
    expect(rows(db, "PRAGMA integrity_check")).toEqual([{ integrity_check: "ok" }]);
    for (const tag of ["fills-", "full-"]) {
      const count = `SELECT count(*) AS n FROM messages WHERE body LIKE '%${tag}%'`;
      expect(rows(db, count)).toEqual([{ n: told(heard.lines, tag) }]);
    }
  });

  test("a run that may not write its history says so before it listens", async () => {
    using directory = new Directory();
    symlinkSync("/etc/passwd", directory.file("link.db"));
    const before = readFileSync("/etc/passwd", "utf8");
    const { code, stderr } = await runTool(
      ...attach,
      "-d",
      "1s",
      "--db",
      directory.file("link.db"),
    );
    expect([code, stderr.includes("symbolic link")]).toEqual([6, true]);
    expect(readFileSync("/etc/passwd", "utf8")).toBe(before);
    await using tool = await Tool.start(...attach, "--db", directory.file("x.db"));
    const second = await runTool(...attach, "-d", "1s", "--db", directory.file("x.db"));
    expect([second.code, second.stderr.includes(`pid ${tool.pid} writes to it`)]).toEqual([
      6,
      true,
    ]);
  });
});
