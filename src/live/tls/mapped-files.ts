/** A process in, the files that it has mapped to run them out. Source: proc_pid_maps(5). */
import { readFileSync } from "node:fs";

export interface MappedFile {
  /** Device and inode, as the kernel shows them: one file, in most cases. */
  readonly key: string;
  /** Opens it even when it has no name any more, or another one in its own mount namespace. */
  readonly path: string;
  /** As its process calls it. */
  readonly name: string;
  /** Who has it mapped. undefined: nobody that is known. */
  readonly pid: number | undefined;
  readonly inode: bigint;
}

/** `55d0-55e0 r-xp 00001000 fe:00 1234     /usr/bin/node` */
const LINE = /^([0-9a-f]+)-([0-9a-f]+) ..x. [0-9a-f]+ ([0-9a-f]+:[0-9a-f]+) (\d+) +(.*)$/gm;

/** Empty when the process is gone. */
export function mappedFiles(pid: number): MappedFile[] {
  const found = new Map<string, MappedFile>();
  for (const [, start, end, device, inode, name] of readMaps(pid).matchAll(LINE)) {
    if (inode === undefined || inode === "0" || name === undefined) continue;
    const key = `${device}:${inode}`;
    const path = `/proc/${pid}/map_files/${trim(start)}-${trim(end)}`;
    if (found.has(key)) continue;
    const plain = name.replace(/ \(deleted\)$/, "");
    found.set(key, { key, path, name: plain, pid, inode: BigInt(inode) });
  }
  return [...found.values()];
}

/** The directory has no leading zeros. */
function trim(address: string | undefined): string {
  return address?.replace(/^0+(?=.)/, "") ?? "";
}

function readMaps(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/maps`, "latin1");
  } catch {
    return "";
  }
}
