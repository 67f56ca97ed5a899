/** The cgroup2 hierarchy: paths and ids. A cgroup's id is the inode number of its directory. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

export interface Cgroup {
  /** Below the mount, starting with "/". */
  readonly path: string;
  readonly id: bigint;
}

/** Where the cgroup2 hierarchy is: on hosts that still have version 1, beside that one. */
function cgroupRoot(): string {
  const mounts = readFileSync("/proc/mounts", "utf8").split("\n");
  const found = mounts.map((line) => line.split(" ")).find((each) => each[2] === "cgroup2");
  return found?.[1] ?? "/sys/fs/cgroup";
}

export function readCgroupId(path: string): bigint | undefined {
  try {
    return statSync(join(cgroupRoot(), path), { bigint: true }).ino;
  } catch {
    return undefined;
  }
}

/** All cgroups below the root, outer ones first. */
export function* walkCgroups(): Generator<Cgroup> {
  const waiting = ["/"];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    for (const name of listDirectories(join(cgroupRoot(), path))) {
      const below = join(path, name);
      const id = readCgroupId(below);
      if (id !== undefined) yield { path: below, id };
      waiting.push(below);
    }
  }
}

/** For a process that is gone: the path of the cgroup it was in. */
export function findCgroupPath(id: bigint): string | undefined {
  for (const cgroup of walkCgroups()) if (cgroup.id === id) return cgroup.path;
  return undefined;
}

function listDirectories(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((each) => each.isDirectory())
      .map((each) => each.name);
  } catch {
    return [];
  }
}
