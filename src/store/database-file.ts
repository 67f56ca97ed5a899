/** A path in, a database file at it that root may write to out: new ones are private, and no link leads elsewhere. */
import { closeSync, constants, fstatSync, realpathSync, type Stats } from "node:fs";
import { basename, dirname, join } from "node:path";
import { errorText, OutputError } from "../sinks/errors.ts";
import { type FileOwner, openOwned, refuseHardLinks } from "../sinks/owned-file.ts";

/** O_NONBLOCK: opening a named pipe that nobody reads must not hang. */
const OPEN_FLAGS = constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Makes the file where there is none, with mode 0600; SQLite gives the files beside it (-wal, -shm) the same mode and owner.
 * Returns the path without symbolic links in its directories, so that SQLite may be told to follow none at all. Not to be
 * called while this process has the database open: closing any of its descriptors would drop SQLite's locks (fcntl(2)).
 * @throws OutputError
 */
export function prepareDatabase(path: string, owner: FileOwner | undefined): string {
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
    fd = openOwned(real, OPEN_FLAGS, owner);
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

function checkKind(path: string, stats: Stats): void {
  if (!stats.isFile()) {
    throw new OutputError(`Cannot write to "${path}": is no regular file, one wanted`, {
      path,
      hint: "name a file on a local disk",
    });
  }
  refuseHardLinks(path, stats);
}
