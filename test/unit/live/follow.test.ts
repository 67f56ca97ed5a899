import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { UsageError } from "../../../src/cli/errors.ts";
import type { CaptureFilters } from "../../../src/cli/types.ts";
import { hasFilters, isWantedContainer, planFollow } from "../../../src/live/follow.ts";

const ID = "3f4c9a1e5b7d8260".repeat(4);
const NONE: CaptureFilters = { pids: [], comms: [], containers: [], cgroups: [] };
/** Above the largest pid_max that Linux takes: no process has it. */
const NOBODY = 5_000_000;

let families = 0;

/** A shell with a child, with a name that no other of these tests uses, until disposed of. */
async function family() {
  families += 1;
  const name = `oh-test-${families}`;
  const script = `printf ${name} > /proc/$$/comm; sleep 30 & echo $!; wait`;
  const parent = Bun.spawn(["sh", "-c", script], { stdout: "pipe" });
  const { value } = await parent.stdout.getReader().read();
  const child = Number(Buffer.from(value ?? []).toString());
  return {
    name,
    parent: parent.pid,
    child,
    async [Symbol.asyncDispose]() {
      process.kill(child, "SIGKILL");
      parent.kill("SIGKILL");
      await parent.exited;
    },
  };
}

test.each([
  ["nothing", {}, false],
  ["pids", { pids: [1] }, true],
  ["names", { comms: ["node"] }, true],
  ["containers", { containers: ["3f4c"] }, true],
  ["cgroups", { cgroups: ["/"] }, true],
])("hasFilters: %s", (_, filters, expected) => {
  expect(hasFilters({ ...NONE, ...filters })).toBe(expected);
});

test("planFollow follows nobody without filters", () => {
  expect(planFollow(NONE)).toEqual({ filtering: false, names: [], cgroups: [], pids: [] });
});

test("planFollow follows a process by pid, and its children", async () => {
  await using made = await family();
  const plan = planFollow({ ...NONE, pids: [made.parent] });
  expect(plan.filtering).toBe(true);
  expect(plan.pids.toSorted()).toEqual([made.parent, made.child].toSorted());
});

test("planFollow follows processes by name, those that run and those that will", async () => {
  await using made = await family();
  const plan = planFollow({ ...NONE, comms: [made.name] });
  expect(plan.names).toEqual([made.name]);
  expect(plan.pids.toSorted()).toEqual([made.parent, made.child].toSorted());
});

test("planFollow follows a process once that several filters name", async () => {
  await using made = await family();
  const plan = planFollow({ ...NONE, pids: [made.child, made.parent], comms: [made.name] });
  expect(plan.pids.toSorted()).toEqual([made.parent, made.child].toSorted());
});

test("planFollow follows the processes of a cgroup", () => {
  const line = readFileSync("/proc/self/cgroup", "utf8").match(/^0::(.*)$/m)?.[1];
  const plan = planFollow({ ...NONE, cgroups: [line ?? "/"] });
  expect(plan.pids).toContain(process.pid);
  expect(plan.cgroups).toHaveLength(1);
});

test("planFollow refuses a pid that no process has", () => {
  expect(() => planFollow({ ...NONE, pids: [NOBODY] })).toThrow(UsageError);
  expect(() => planFollow({ ...NONE, pids: [NOBODY] })).toThrow(
    "Cannot follow process 5000000: there is none with this pid",
  );
});

test("planFollow refuses a cgroup that does not exist", () => {
  expect(() => planFollow({ ...NONE, cgroups: ["/no/such"] })).toThrow(UsageError);
  expect(() => planFollow({ ...NONE, cgroups: ["/no/such"] })).toThrow(
    'Cannot follow cgroup "/no/such": there is none',
  );
});

test("planFollow waits for containers that do not run yet", () => {
  expect(planFollow({ ...NONE, containers: ["no-such-container"] })).toEqual({
    filtering: true,
    names: [],
    cgroups: [],
    pids: [],
  });
});

test.each([
  [`/system.slice/docker-${ID}.scope`, [ID], true],
  [`/system.slice/docker-${ID}.scope`, ["3f4c"], true],
  [`/system.slice/docker-${ID}.scope`, ["0000", "3f4c9a1e5b7d"], true],
  [`/system.slice/docker-${ID}.scope`, ["9a1e"], false],
  [`/system.slice/docker-${ID}.scope`, [], false],
  ["/lxc.payload.web", ["web"], true],
  ["/user.slice", ["user"], false],
  [undefined, ["3f4c"], false],
])("isWantedContainer compares the container of %p with %p", (path, wanted, expected) => {
  expect(isWantedContainer(path, wanted)).toBe(expected);
});
