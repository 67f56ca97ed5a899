/** A path in, a file at it that root may write to out: new ones are private, and nobody is led to another one. */
import { closeSync, constants, fchownSync, fstatSync, openSync, type Stats } from "node:fs";
import { errorCode, OutputError } from "./errors.ts";

/** Whom a new file is given to: the caller of sudo. */
export interface FileOwner {
  readonly uid: number;
  readonly gid: number;
}

/** O_EXCL first, to know whether the file is new: only a new one is given away. */
export function openOwned(path: string, flags: number, owner: FileOwner | undefined): number {
  try {
    const fd = openSync(path, flags | constants.O_CREAT | constants.O_EXCL, 0o600);
    if (owner !== undefined) fchownSync(fd, owner.uid, owner.gid);
    return fd;
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
    return openThere(path, flags, owner);
  }
}

/** O_CREAT again, so that fs.protected_regular guards files that others left in /tmp; one that was made for the owner by
 * a run before is none of these. */
function openThere(path: string, flags: number, owner: FileOwner | undefined): number {
  try {
    return openSync(path, flags | constants.O_CREAT, 0o600);
  } catch (error) {
    if (errorCode(error) !== "EACCES" || owner === undefined) throw error;
    const fd = openSync(path, flags);
    if (fstatSync(fd).uid === owner.uid) return fd;
    closeSync(fd);
    throw error;
  }
}

/** @throws OutputError */
export function refuseHardLinks(path: string, { nlink }: Stats): void {
  if (nlink <= 1) return;
  throw new OutputError(`Cannot write to "${path}": it has ${nlink} names, 1 wanted`, {
    path,
    hint: "a hard link may lead a root tool to another file; remove it or name another file",
  });
}
