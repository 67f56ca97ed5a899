/** A path in, a database file at it that root may write to out: new ones are private, and no link leads elsewhere. */
import {
  closeSync,
  constants,
  fchownSync,
  fstatSync,
  openSync,
  realpathSync,
  type Stats,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { errorCode, errorText, OutputError } from "../sinks/errors.ts";

/** Whom a new file is given to: the caller of sudo. */
export interface DatabaseOwner {
  readonly uid: number;
  readonly gid: number;
}

/** O_NONBLOCK: opening a named pipe that nobody reads must not hang. */
const OPEN_FLAGS = constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Makes the file where there is none, with mode 0600; SQLite gives the files beside it (-wal, -shm) the same mode and owner.
 * Returns the path without symbolic links in its directories, so that SQLite may be told to follow none at all. Not to be
 * called while this process has the database open: closing any of its descriptors would drop SQLite's locks (fcntl(2)).
 * @throws OutputError
 */
export function prepareDatabase(path: string, owner: DatabaseOwner | undefined): string {
  if (path === "" || path.includes("\0") || path.endsWith("/")) {
    throw new OutputError(`Cannot open "${path.replaceAll("\0", "\\0")}": no file name`, {
      path,
      hint: "give --db the name of a file",
    });
  }
  let fd: number;
  let real: string;
  try {
    real = join(realpathSync(dirname(path)), basename(path));
    fd = openOrCreate(real, owner);
  } catch (cause) {
    throw new OutputError(`Cannot open "${path}": ${errorText(cause)}`, { path, cause });
  }
  try {
    checkKind(path, fstatSync(fd));
  } finally {
    closeSync(fd);
  }
  return real;
}

/** O_EXCL first, to know whether the file is new: only a new one is given away. */
function openOrCreate(path: string, owner: DatabaseOwner | undefined): number {
  try {
    const fd = openSync(path, OPEN_FLAGS | constants.O_CREAT | constants.O_EXCL, 0o600);
    if (owner !== undefined) fchownSync(fd, owner.uid, owner.gid);
    return fd;
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
    return openThere(path, owner);
  }
}

/** O_CREAT again, so that fs.protected_regular guards files that others left in /tmp; one that was made for the owner by
 * a run before is none of these. */
function openThere(path: string, owner: DatabaseOwner | undefined): number {
  try {
    return openSync(path, OPEN_FLAGS | constants.O_CREAT, 0o600);
  } catch (error) {
    if (errorCode(error) !== "EACCES" || owner === undefined) throw error;
    const fd = openSync(path, OPEN_FLAGS);
    if (fstatSync(fd).uid === owner.uid) return fd;
    closeSync(fd);
    throw error;
  }
}

function checkKind(path: string, stats: Stats): void {
  if (!stats.isFile()) {
    throw new OutputError(`Cannot write to "${path}": is no regular file, one wanted`, {
      path,
      hint: "name a file on a local disk",
    });
  }
  if (stats.nlink > 1) {
    throw new OutputError(`Cannot write to "${path}": it has ${stats.nlink} names, 1 wanted`, {
      path,
      hint: "a hard link may lead a root tool to another file; remove it or name another file",
    });
  }
}
