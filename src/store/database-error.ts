/** What SQLite throws in, what it means for us out. */
import { OutputError } from "../sinks/errors.ts";

/** "SQLITE_FULL" and the like; undefined for any other value. */
export function sqliteCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const code: unknown = Reflect.get(error, "code");
  return typeof code === "string" && code.startsWith("SQLITE_") ? code : undefined;
}

/**
 * True for what may pass: a full disk, another program that holds the database, a device that fails. False for what is
 * wrong with the rows themselves, which would fail again for ever.
 */
export function isOfSurroundings(error: unknown): boolean {
  return PASSING.test(sqliteCode(error) ?? "");
}

const PASSING =
  /^SQLITE_(?:FULL|IOERR|BUSY|LOCKED|READONLY|CANTOPEN|NOMEM|PROTOCOL|CORRUPT|NOTADB|PERM|AUTH|INTERRUPT)/;

/** Words for a person. */
export function databaseErrorText(error: unknown): string {
  const code = sqliteCode(error) ?? "";
  const found = Object.entries(TEXTS).find(([prefix]) => code.startsWith(prefix));
  if (found !== undefined) return `${found[1]} (${code})`;
  return error instanceof Error ? error.message : String(error);
}

const TEXTS: Readonly<Record<string, string>> = {
  SQLITE_FULL: "no space left on device",
  SQLITE_IOERR: "input/output error",
  SQLITE_BUSY: "another program holds the database",
  SQLITE_LOCKED: "another program holds the database",
  SQLITE_READONLY: "read-only file or file system",
  SQLITE_CANTOPEN: "cannot be opened, or is a symbolic link",
  SQLITE_CORRUPT: "the database is damaged",
  SQLITE_NOTADB: "is no database",
  SQLITE_NOMEM: "out of memory",
  SQLITE_PERM: "permission denied",
};

const HINTS: Readonly<Record<string, string>> = {
  SQLITE_NOTADB: "name a database that overhear --db wrote, or a new file",
  SQLITE_CORRUPT: "sqlite3 FILE .recover saves what can be saved",
  SQLITE_CANTOPEN: "check that the path exists and that its owner and mode allow this",
  SQLITE_FULL: "free some space, or name a file on another file system",
};

/** `verb`: "open", "read". */
export function cannot(verb: string, path: string, cause: unknown): OutputError {
  const code = sqliteCode(cause) ?? "";
  const hint = Object.entries(HINTS).find(([prefix]) => code.startsWith(prefix))?.[1];
  const text = `Cannot ${verb} "${path}": ${databaseErrorText(cause)}`;
  return new OutputError(text, { path, cause, ...(hint === undefined ? {} : { hint }) });
}
