/** A file that a process has mapped in, open to be read out. */
import { closeSync, fstatSync, openSync } from "node:fs";
import type { MappedFile } from "./mapped-files.ts";

/**
 * By its mapping, which needs CAP_CHECKPOINT_RESTORE, and the process to be there; without, by its name where that still is
 * the same file. undefined: it is gone.
 */
export function openMapped({ path, name, pid, inode }: MappedFile): number | undefined {
  const mapped = tryOpen(path);
  if (mapped !== undefined || pid === undefined) return mapped;
  return openSame(`/proc/${pid}/root${name}`, inode) ?? openSame(name, inode);
}

function openSame(path: string, inode: bigint): number | undefined {
  const fd = tryOpen(path);
  if (fd === undefined || fstatSync(fd, { bigint: true }).ino === inode) return fd;
  closeSync(fd);
  return undefined;
}

function tryOpen(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch {
    return undefined;
  }
}
