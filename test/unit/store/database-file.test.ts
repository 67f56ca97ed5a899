import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { OutputError } from "../../../src/sinks/errors.ts";
import { prepareDatabase } from "../../../src/store/database-file.ts";
import { migrate, openForReading, openForWriting } from "../../../src/store/open-database.ts";
import { STEPS, VERSION } from "../../../src/store/schema.ts";
import { VIEWS } from "../../../src/store/views.ts";
import { loss } from "../sinks/items.ts";
import { TemporaryFolder } from "../sinks/temporary-folder.ts";
import { TestHistory } from "./history.ts";

const isRoot = process.geteuid?.() === 0;
const modeOf = (path: string) => statSync(path).mode & 0o777;

function refusalOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof OutputError) return error.message;
    throw error;
  }
  return "";
}

describe("prepareDatabase", () => {
  test("prepareDatabase makes a file that only its owner can read, the files beside it too", () => {
    using history = new TestHistory();
    history.store([loss()]);
    expect(["", "-wal", "-shm"].map((end) => modeOf(history.path + end))).toEqual([
      0o600, 0o600, 0o600,
    ]);
  });

  test.skipIf(!isRoot)("root: prepareDatabase gives the files to the caller of sudo", () => {
    using folder = new TemporaryFolder();
    const path = prepareDatabase(folder.at("theirs.db"), { uid: 65_534, gid: 65_533 });
    const db = openForWriting(path);
    const owners = ["", "-wal", "-shm"].map((end) => statSync(path + end));
    db.close();
    expect(owners.map(({ uid, gid }) => [uid, gid])).toEqual([
      [65_534, 65_533],
      [65_534, 65_533],
      [65_534, 65_533],
    ]);
  });

  test("prepareDatabase follows no symbolic link, and makes nothing where it leads", () => {
    using folder = new TemporaryFolder();
    writeFileSync(folder.at("passwd"), "root");
    symlinkSync(folder.at("passwd"), folder.at("there.db"));
    symlinkSync(folder.at("nowhere"), folder.at("dangling.db"));
    for (const name of ["there.db", "dangling.db"]) {
      expect(refusalOf(() => prepareDatabase(folder.at(name), undefined))).toContain(
        "symbolic link",
      );
    }
    expect(readFileSync(folder.at("passwd"), "utf8")).toBe("root");
    expect(statSync(folder.at("nowhere"), { throwIfNoEntry: false })).toBeUndefined();
  });

  test("openForWriting follows no link that was put there meanwhile", () => {
    using folder = new TemporaryFolder();
    const victim = prepareDatabase(folder.at("victim.db"), undefined);
    const link = `${realpathSync(folder.path)}/link.db`;
    symlinkSync(victim, link);
    expect(refusalOf(() => openForWriting(link))).toContain("Cannot open");
    expect(statSync(victim).size).toBe(0);
  });

  test("prepareDatabase goes through links in the directories above, which are the caller's choice", () => {
    using folder = new TemporaryFolder();
    mkdirSync(folder.at("real"));
    symlinkSync(folder.at("real"), folder.at("linked"));
    const path = prepareDatabase(folder.at("linked/x.db"), undefined);
    expect(path).toBe(`${realpathSync(folder.at("real"))}/x.db`);
    openForWriting(path).close();
  });

  test("prepareDatabase refuses hard links, directories, pipes, and what has no name", () => {
    using folder = new TemporaryFolder();
    writeFileSync(folder.at("one"), "");
    linkSync(folder.at("one"), folder.at("two"));
    mkdirSync(folder.at("folder"));
    Bun.spawnSync(["mkfifo", folder.at("pipe")]);
    const refusals = ["two", "folder", "pipe", "no/such/folder/x.db", "x/", "nul\0.db"].map(
      (name) => refusalOf(() => prepareDatabase(folder.at(name), undefined)),
    );
    expect(refusals.map((text) => text.replace(folder.path, ""))).toEqual([
      expect.stringContaining("2 names"),
      expect.stringContaining("is a directory"),
      expect.stringContaining("no regular file"),
      expect.stringContaining("no such file or directory"),
      expect.stringContaining("no file name"),
      expect.stringContaining("no file name"),
    ]);
  });
});

/** All that a database is made of, in words. */
function shapeOf(db: Database): unknown[] {
  return db.query("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name").all();
}

describe("openForWriting", () => {
  test.each(STEPS.map((_, version) => version))(
    "openForWriting brings version %i up to date, and what is in it stays",
    (version) => {
      using folder = new TemporaryFolder();
      const old = prepareDatabase(folder.at("old.db"), undefined);
      const db = new Database(old);
      migrate(db, STEPS.slice(0, version));
      if (version > 0) {
        db.run("INSERT INTO losses VALUES (7, 1, 'ring_full', 5, NULL, NULL, NULL)");
      }
      db.close();
      const migrated = openForWriting(old);
      const fresh = openForWriting(prepareDatabase(folder.at("new.db"), undefined));
      expect(shapeOf(migrated)).toEqual(shapeOf(fresh));
      expect(migrated.query("SELECT id, bytes FROM losses").all()).toEqual(
        version > 0 ? [{ id: 7, bytes: 5 }] : [],
      );
      expect(migrated.query("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
      migrated.close();
      fresh.close();
    },
  );

  test("openForWriting takes all steps or none", () => {
    using folder = new TemporaryFolder();
    const path = prepareDatabase(folder.at("x.db"), undefined);
    const db = new Database(path);
    migrate(db, STEPS.slice(0, 1));
    const before = shapeOf(db);
    expect(() => migrate(db, [...STEPS.slice(0, 1), "CREATE TABLE good (x)", "NO SQL"])).toThrow();
    expect(shapeOf(db)).toEqual(before);
    expect(db.query("PRAGMA user_version").get()).toEqual({ user_version: 1 });
    db.close();
  });

  test("openForWriting renews views that another version made", () => {
    using folder = new TemporaryFolder();
    const path = prepareDatabase(folder.at("x.db"), undefined);
    const db = openForWriting(path);
    db.run("DROP VIEW call_list");
    db.run("CREATE VIEW call_list AS SELECT 1 AS old");
    db.close();
    const again = openForWriting(path);
    expect(again.query("SELECT * FROM call_list LIMIT 0").columnNames).toContain("duration_ms");
    again.close();
  });

  test("openForWriting leaves databases of other programs alone", () => {
    using folder = new TemporaryFolder();
    const db = new Database(folder.at("other.db"));
    db.run("CREATE TABLE bookmarks (url)");
    db.close();
    const before = readFileSync(folder.at("other.db"));
    expect(refusalOf(() => openForWriting(folder.at("other.db")))).toContain("another program");
    expect(refusalOf(() => openForReading(folder.at("other.db")))).toContain("another program");
    expect(readFileSync(folder.at("other.db")).equals(before)).toBe(true);
    writeFileSync(
      folder.at("text.db"),
      "no database at all, but a text that is long enough\n".repeat(99),
    );
    expect(refusalOf(() => openForWriting(folder.at("text.db")))).toContain("is no database");
    expect(refusalOf(() => openForReading(folder.at("text.db")))).toContain("is no database");
  });

  test("openForWriting refuses a newer version, and one with triggers", () => {
    using history = new TestHistory();
    history.db.run(`PRAGMA user_version = ${VERSION + 1}`);
    expect(refusalOf(() => openForWriting(history.path))).toContain(`at most ${VERSION} known`);
    expect(refusalOf(() => openForReading(history.path))).toContain(`at most ${VERSION} known`);
    history.db.run(`PRAGMA user_version = ${VERSION}`);
    history.db.run("CREATE TRIGGER spy AFTER INSERT ON losses BEGIN DELETE FROM messages; END");
    expect(refusalOf(() => openForWriting(history.path))).toContain("triggers");
  });

  test("one run writes at a time; one that was killed stands in nobody's way", () => {
    using first = new TestHistory();
    first.store([loss()]);
    expect(refusalOf(() => new TestHistory({ path: first.path }))).toContain(
      `pid ${process.pid} writes to it`,
    );
    // as if the pid had been given to another process since
    first.db.run("UPDATE runs SET pid_start = '1'");
    using second = new TestHistory({ path: first.path });
    expect(second.rows("SELECT id, ended_by, end_us IS NULL AS open FROM runs")).toEqual([
      { id: 1, ended_by: "killed", open: 0 },
      { id: 2, ended_by: null, open: 1 },
    ]);
    second.store([loss()]);
    const ids = second.rows("SELECT id FROM losses ORDER BY id").map((row) => Object(row).id);
    expect(new Set(ids).size).toBe(2);
  });
});

describe("openForReading", () => {
  test("openForReading changes nothing, whatever it is asked", () => {
    using history = new TestHistory();
    history.store([loss()]);
    using db = openForReading(history.path);
    for (const sql of ["DELETE FROM losses", "DROP TABLE losses", "CREATE TABLE x (y)"]) {
      expect(() => db.run(sql)).toThrow();
    }
    expect(db.query("SELECT count(*) AS n FROM losses").get()).toEqual({ n: 1 });
  });

  test.skipIf(!isRoot)(
    "root: a history that was ended is read by who may not write beside it",
    () => {
      using folder = new TemporaryFolder();
      const path = folder.at("x.db");
      {
        using history = new TestHistory({ path });
        history.store([loss()]).end();
        history.db.run("PRAGMA wal_checkpoint(TRUNCATE)");
      }
      expect(statSync(`${path}-wal`, { throwIfNoEntry: false })).toBeUndefined();
      chmodSync(path, 0o644);
      chmodSync(folder.path, 0o755);
      const program = `
      process.setgid(65533); process.setuid(65534);
      const { openForReading } = await import(${JSON.stringify(`${import.meta.dir}/../../../src/store/open-database.ts`)});
      console.log(openForReading(${JSON.stringify(path)}).query("SELECT bytes FROM losses").get().bytes);`;
      const run = Bun.spawnSync([process.execPath, "-e", program], { stderr: "pipe" });
      expect([run.stdout.toString(), run.stderr.toString()]).toEqual(["4096\n", ""]);
    },
  );

  test("openForReading says what is wrong with a file", () => {
    using folder = new TemporaryFolder();
    expect(refusalOf(() => openForReading(folder.at("none.db")))).toContain("Cannot read");
    writeFileSync(folder.at("empty.db"), "");
    expect(refusalOf(() => openForReading(folder.at("empty.db")))).toContain("empty");
  });
});

test("every view can be read by an SQLite that is not ours", () => {
  using history = new TestHistory();
  history.store([loss()]).end();
  const program = `
import sqlite3, sys
db = sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True)
for name in sys.argv[2:]:
    db.execute("SELECT * FROM " + name).fetchall()
print(db.execute("SELECT reason, bytes FROM not_heard").fetchall())`;
  const names = VIEWS.map(({ name }) => name);
  const run = Bun.spawnSync(["python3", "-c", program, history.path, ...names], { stderr: "pipe" });
  expect([run.stdout.toString(), run.stderr.toString()]).toEqual(["[('ring_full', 4096)]\n", ""]);
});
