/** A database file in, the database out: of this version, with settings that keep it whole; or to be read only. */
import { constants, Database } from "bun:sqlite";
import { existsSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { OutputError } from "../sinks/errors.ts";
import { cannot, sqliteCode } from "./database-error.ts";
import { APPLICATION_ID, STEPS, VERSION } from "./schema.ts";
import { VIEWS } from "./views.ts";

/** How long a writer waits for another program that has locked the database, ms. */
const BUSY_MS = 2000;
const CACHE_KIB = 8192;
/** The log is cut back to this once it was longer, bytes. */
const MAX_LOG_BYTES = 1 << 26;

/**
 * Opens a database for its one writer, brings an older one up to date. `path`: without symbolic links (prepareDatabase).
 * WAL with synchronous = NORMAL: what was committed outlives a kill of the tool; a loss of power may cost the last
 * transactions, never the database.
 * @throws OutputError
 */
export function openForWriting(path: string): Database {
  const db = open(path, constants.SQLITE_OPEN_READWRITE);
  try {
    db.run(`PRAGMA busy_timeout = ${BUSY_MS}`);
    // what stands in a schema that somebody else wrote does nothing but be there
    db.run("PRAGMA trusted_schema = OFF");
    checkIsOurs(db, path);
    if (versionOf(db) === 0) db.run("PRAGMA auto_vacuum = INCREMENTAL");
    const mode = db.query<{ journal_mode: string }, []>("PRAGMA journal_mode = WAL").get();
    if (mode?.journal_mode !== "wal") {
      throw new OutputError(`Cannot open "${path}": no write-ahead log on this file system`, {
        path,
        hint: "name a file on a local disk; network file systems cannot hold a history",
      });
    }
    db.run("PRAGMA synchronous = NORMAL");
    db.run(`PRAGMA cache_size = -${CACHE_KIB}`);
    db.run(`PRAGMA journal_size_limit = ${MAX_LOG_BYTES}`);
    db.run("PRAGMA temp_store = MEMORY");
    migrate(db, STEPS);
    return db;
  } catch (error) {
    db.close();
    if (error instanceof OutputError) throw error;
    throw cannot("open", path, error);
  }
}

/**
 * Opens a database to be read, also while another process writes into it. Older versions are not read: what is missing
 * in them would look like nothing.
 * @throws OutputError
 */
export function openForReading(path: string): Database {
  let db: Database;
  try {
    db = openQuietly(path);
    // the file is only looked at now
    db.query("PRAGMA schema_version").get();
  } catch (error) {
    throw cannot("read", path, error);
  }
  try {
    db.run(`PRAGMA busy_timeout = ${BUSY_MS}`);
    db.run("PRAGMA query_only = ON");
    db.run("PRAGMA trusted_schema = OFF");
    db.run("PRAGMA temp_store = MEMORY");
    db.run(`PRAGMA cache_size = -${CACHE_KIB * 4}`);
    checkIsOurs(db, path);
    const version = versionOf(db);
    if (version === VERSION) return db;
    throw new OutputError(
      `Cannot read "${path}": ${version === 0 ? "empty" : `version ${version}`}, version ${VERSION} wanted`,
      { path, hint: "overhear --db FILE brings it up to date; nothing is lost by that" },
    );
  } catch (error) {
    db.close();
    if (error instanceof OutputError) throw error;
    throw cannot("read", path, error);
  }
}

/** One that nobody writes to and that lies where the caller may not write has no log, and can have none. */
function openQuietly(path: string): Database {
  try {
    const db = new Database(path, constants.SQLITE_OPEN_READONLY);
    db.query("PRAGMA schema_version").get();
    return db;
  } catch (error) {
    const isWithoutLog = /^SQLITE_(?:CANTOPEN|READONLY)/.test(sqliteCode(error) ?? "");
    const log = statSync(`${path}-wal`, { throwIfNoEntry: false });
    if (!isWithoutLog || !existsSync(path) || (log?.size ?? 0) > 0) throw error;
    const real = join(realpathSync(dirname(path)), basename(path));
    const flags = constants.SQLITE_OPEN_READONLY | constants.SQLITE_OPEN_URI;
    return new Database(
      `file:${encodeURI(real).replaceAll(/[?#]/g, encodeURIComponent)}?immutable=1`,
      flags,
    );
  }
}

function open(path: string, flags: number): Database {
  try {
    return new Database(path, flags | constants.SQLITE_OPEN_NOFOLLOW);
  } catch (error) {
    throw cannot("open", path, error);
  }
}

/** A file of another program is left alone; so is one of a newer version. @throws OutputError, SQLiteError */
function checkIsOurs(db: Database, path: string): void {
  const version = versionOf(db);
  const id = db.query<{ application_id: number }, []>("PRAGMA application_id").get();
  const objects = db
    .query<{ type: string; n: number }, []>(
      "SELECT type, count(*) AS n FROM sqlite_schema GROUP BY 1",
    )
    .all();
  if (version === 0 && objects.length === 0) return;
  if (id?.application_id !== APPLICATION_ID) {
    throw new OutputError(`Cannot use "${path}": a database of another program`, {
      path,
      hint: "name a database that overhear --db wrote, or a new file",
    });
  }
  if (version > VERSION) {
    throw new OutputError(`Cannot use "${path}": version ${version}, at most ${VERSION} known`, {
      path,
      hint: "a newer overhear wrote it: use that, or name another file",
    });
  }
  // one would run, as us, with every row
  if (objects.some(({ type }) => type === "trigger")) {
    throw new OutputError(`Cannot use "${path}": it has triggers, none wanted`, {
      path,
      hint: "overhear makes none: somebody else did; drop them or name another file",
    });
  }
}

/** Takes the steps that the database has not taken yet, all or none. @throws SQLiteError */
export function migrate(db: Database, steps: readonly string[]): void {
  const migrateNow = db.transaction(() => {
    const before = versionOf(db);
    for (const step of steps.slice(before)) db.run(step);
    if (before < steps.length) {
      db.run(`PRAGMA user_version = ${steps.length}`);
      db.run(`PRAGMA application_id = ${APPLICATION_ID}`);
    }
    if (steps.length === VERSION) renewViews(db);
  });
  migrateNow.immediate();
}

/** Views hold nothing: they are those of this version of the tool. */
function renewViews(db: Database): void {
  const known = new Map(
    db
      .query<{ name: string; sql: string }, []>(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'view'",
      )
      .all()
      .map(({ name, sql }) => [name, sql]),
  );
  for (const { name, sql } of VIEWS) {
    const text = `CREATE VIEW ${name} AS ${sql}`;
    if (known.get(name) === text) continue;
    db.run(`DROP VIEW IF EXISTS ${name}`);
    db.run(text);
  }
}

function versionOf(db: Database): number {
  return db.query<{ user_version: number }, []>("PRAGMA user_version").get()?.user_version ?? 0;
}
