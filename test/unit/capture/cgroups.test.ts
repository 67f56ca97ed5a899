import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { findCgroupPath, readCgroupId, walkCgroups } from "../../../src/capture/cgroups.ts";

const mount = readFileSync("/proc/mounts", "utf8")
  .split("\n")
  .map((line) => line.split(" "))
  .find((fields) => fields[2] === "cgroup2")?.[1];

/** A cgroup inside a cgroup, for as long as a test needs them. */
function makeCgroups() {
  const outer = `/overhear-test-${process.pid}`;
  const inner = `${outer}/inner one`;
  const folders = [outer, inner].map((path) => join(mount ?? "", path));
  for (const folder of folders) mkdirSync(folder);
  return {
    outer,
    inner,
    [Symbol.dispose]() {
      for (const folder of folders.toReversed()) rmdirSync(folder);
    },
  };
}

const mayMake = mount !== undefined && process.geteuid?.() === 0 && isWritable(mount);

function isWritable(folder: string): boolean {
  try {
    const probe = join(folder, `overhear-probe-${process.pid}`);
    mkdirSync(probe);
    rmdirSync(probe);
    return true;
  } catch {
    return false;
  }
}

test.skipIf(!mayMake)("cgroup2: walkCgroups finds cgroups below cgroups, outer ones first", () => {
  using made = makeCgroups();
  const paths = [...walkCgroups()].map((each) => each.path);
  expect(paths).toContain(made.inner);
  const before = new Set(["/"]);
  for (const path of paths) {
    expect(before).toContain(dirname(path));
    before.add(path);
  }
});

test.skipIf(!mayMake)("cgroup2: a cgroup's id is its directory's inode number", () => {
  using made = makeCgroups();
  const id = statSync(join(mount ?? "", made.inner), { bigint: true }).ino;
  expect(readCgroupId(made.inner)).toBe(id);
  expect(findCgroupPath(id)).toBe(made.inner);
});

test.skipIf(!mayMake)("cgroup2: findCgroupPath finds nothing once the cgroup is gone", () => {
  let id: bigint | undefined;
  {
    using made = makeCgroups();
    id = readCgroupId(made.outer);
  }
  expect(typeof id).toBe("bigint");
  expect(findCgroupPath(id ?? 0n)).toBeUndefined();
});

test("readCgroupId knows nothing of a cgroup that is not there", () => {
  expect(readCgroupId("/no/such/cgroup")).toBeUndefined();
});

test("findCgroupPath knows nothing of an id that no inode has", () => {
  expect(findCgroupPath(0n)).toBeUndefined();
});
