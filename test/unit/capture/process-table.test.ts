import { expect, test } from "bun:test";
import type { ProcSnapshot } from "../../../src/capture/proc.ts";
import { ProcessTable } from "../../../src/capture/process-table.ts";
import type { ExecEvent, ExitEvent, ForkEvent } from "../../../src/capture/types.ts";

const ID = "3f4c9a1e5b7d8260".repeat(4);
const DOCKER = `/system.slice/docker-${ID}.scope`;
const SECOND = 1_000_000_000;

/** A table over a made-up /proc: pid → what it says, and cgroup id → path. */
function makeTable(
  proc: Readonly<Record<number, ProcSnapshot>> = {},
  cgroups: Readonly<Record<string, string>> = {},
) {
  const asked = { proc: 0, cgroups: 0 };
  const table = new ProcessTable(
    (pid) => {
      asked.proc += 1;
      return proc[pid];
    },
    (id) => {
      asked.cgroups += 1;
      return cgroups[String(id)];
    },
  );
  return { table, asked };
}

function snapshot(startSeconds: number, commandLine: string[], cgroupPath = "/"): ProcSnapshot {
  return { startTicks: startSeconds * 100, comm: "of-proc", commandLine, cgroupPath };
}

function fork(pid: number, parentPid: number, startSeconds: number, cgroupId = 1n): ForkEvent {
  const startNs = startSeconds * SECOND;
  return { kind: "fork", pid, parentPid, timeNs: startNs, startNs, cgroupId };
}

function exec(pid: number, startSeconds: number, commandLine: string[], cgroupId = 1n): ExecEvent {
  const startNs = startSeconds * SECOND;
  const comm = commandLine[0] ?? "";
  return { kind: "exec", pid, timeNs: startNs + 1, startNs, cgroupId, comm, commandLine };
}

function exit(pid: number, startSeconds: number, status = 0): ExitEvent {
  const startNs = startSeconds * SECOND;
  return { kind: "exit", pid, timeNs: startNs + 5 * SECOND, startNs, status };
}

test("ProcessTable describes a process that runs by what /proc says", () => {
  const { table } = makeTable({ 7: snapshot(3, ["node", "server.js"], DOCKER) });
  expect(table.at(7, 3 * SECOND, "node")).toEqual({
    pid: 7,
    startNs: 3 * SECOND,
    comm: "node",
    commandLine: ["node", "server.js"],
    containerId: ID,
    exit: undefined,
  });
});

test("ProcessTable gives one object for one process and asks /proc once", () => {
  const { table, asked } = makeTable({ 7: snapshot(3, ["node"]) });
  const first = table.at(7, 3 * SECOND, "node");
  expect(table.at(7, 3 * SECOND, "node")).toBe(first);
  expect(table.find(7, 3 * SECOND)).toBe(first);
  expect(asked.proc).toBe(1);
});

test("ProcessTable follows a name that the process gave itself, and keeps it when none is told", () => {
  const { table } = makeTable({ 7: snapshot(3, ["node"]) });
  const process = table.at(7, 3 * SECOND, "node");
  table.at(7, 3 * SECOND, "MainThread");
  table.at(7, 3 * SECOND, "");
  expect(process.comm).toBe("MainThread");
});

test("ProcessTable takes a reused pid for another process", () => {
  const { table } = makeTable({ 7: snapshot(90, ["new"]) });
  const before = table.at(7, 3 * SECOND, "old");
  const after = table.at(7, 90 * SECOND, "new");
  expect(after).not.toBe(before);
  expect([before.comm, after.comm, after.commandLine]).toEqual(["old", "new", ["new"]]);
  expect(table.find(7, 3 * SECOND)).toBeUndefined();
});

test("ProcessTable takes a child for what its parent became, also when the parent was met before its fork was", () => {
  const { table } = makeTable({ 7: snapshot(3, ["bun"]) });
  table.at(7, 3 * SECOND, "bun");
  table.fork({ ...exec(7, 3, []), kind: "fork", parentPid: 1 });
  table.exec(exec(7, 3, ["traffic"]));
  table.fork({ ...exec(8, 4, []), kind: "fork", parentPid: 7 });
  expect(table.at(8, 4 * SECOND, "traffic").commandLine).toEqual(["traffic"]);
});

test("ProcessTable asks for the name of a process that no record brought", () => {
  const { table } = makeTable({ 7: snapshot(3, ["node"]) });
  expect(table.at(7, 3 * SECOND, "").comm).toBe("of-proc");
  expect(table.at(7, 2 * SECOND, "").comm).toBe("");
});

test("ProcessTable keeps the process that has a pid now when its last owner is asked for", () => {
  const { table } = makeTable();
  const now = table.at(7, 90 * SECOND, "new");
  const before = table.at(7, 3 * SECOND, "old");
  expect(table.at(7, 90 * SECOND, "new")).toBe(now);
  expect(table.at(7, 3 * SECOND, "old")).toBe(before);
});

test("ProcessTable keeps the exec of a pid's next owner while its last one is asked for", () => {
  const { table } = makeTable();
  table.exec(exec(7, 90, ["new"]));
  table.at(7, 3 * SECOND, "old");
  expect(table.at(7, 90 * SECOND, "new").commandLine).toEqual(["new"]);
});

test("ProcessTable does not give a process the command line of its pid's next owner", () => {
  const { table } = makeTable({ 7: snapshot(90, ["new"], DOCKER) });
  expect(table.at(7, 3 * SECOND, "old")).toEqual(
    expect.objectContaining({ comm: "old", commandLine: [], containerId: undefined }),
  );
});

test("ProcessTable does not give a reused pid the exec of its last owner", () => {
  const { table } = makeTable();
  table.exec(exec(7, 3, ["old", "--secret"]));
  expect(table.at(7, 90 * SECOND, "new").commandLine).toEqual([]);
});

test("ProcessTable does not end a process by the late exit of its pid's last owner", () => {
  const { table } = makeTable();
  const process = table.at(7, 90 * SECOND, "new");
  expect(table.exit(exit(7, 3))).toBeUndefined();
  expect(process.exit).toBeUndefined();
  expect(table.at(7, 90 * SECOND, "new")).toBe(process);
});

test("ProcessTable renames a known process at its exec, in place", () => {
  const { table } = makeTable({ 7: snapshot(3, ["sh", "-c", "exec node server.js"]) });
  const process = table.at(7, 3 * SECOND, "sh");
  table.exec(exec(7, 3, ["node", "server.js"]));
  expect([process.comm, process.commandLine]).toEqual(["node", ["node", "server.js"]]);
  expect(table.at(7, 3 * SECOND, "node")).toBe(process);
});

test("ProcessTable knows the command line of a process that was gone before it was met", () => {
  const { table } = makeTable();
  table.exec(exec(7, 3, ["curl", "-s"]));
  const process = table.at(7, 3 * SECOND, "curl");
  expect([process.comm, process.commandLine]).toEqual(["curl", ["curl", "-s"]]);
});

test("ProcessTable takes the last of several execs of a process that it meets later", () => {
  const { table } = makeTable();
  table.fork(fork(7, 6, 3));
  table.exec(exec(7, 3, ["sh", "-c", "npx x"]));
  table.exec(exec(7, 3, ["npx", "x"]));
  table.exec(exec(7, 3, ["node", "npx-cli.js", "x"]));
  expect(table.at(7, 3 * SECOND, "node").commandLine).toEqual(["node", "npx-cli.js", "x"]);
});

test("ProcessTable gives a fork without exec the command line of its parent", () => {
  const { table } = makeTable();
  table.exec(exec(6, 2, ["python3", "pool.py"]));
  table.at(6, 2 * SECOND, "python3");
  table.fork(fork(7, 6, 3));
  table.fork(fork(8, 7, 4));
  expect(table.at(8, 4 * SECOND, "python3").commandLine).toEqual(["python3", "pool.py"]);
  expect(table.at(7, 3 * SECOND, "python3").commandLine).toEqual(["python3", "pool.py"]);
});

test("ProcessTable learns from its fork of a process that a scan met, and that was gone before /proc was asked", () => {
  const { table } = makeTable({}, { 42: DOCKER });
  table.exec(exec(7, 3, ["server", "--stdio"], 42n));
  const child = table.at(8, 4 * SECOND, "server");
  expect(child).toMatchObject({ commandLine: [], containerId: undefined });
  table.fork(fork(8, 7, 4, 42n));
  expect(child).toMatchObject({ commandLine: ["server", "--stdio"], containerId: ID });
});

test("ProcessTable asks /proc for the parent of a fork when no event told of it", () => {
  const { table } = makeTable({ 6: snapshot(2, ["bash", "run.sh"]) });
  table.fork(fork(7, 6, 3));
  expect(table.at(7, 3 * SECOND, "bash").commandLine).toEqual(["bash", "run.sh"]);
});

test("ProcessTable prefers what /proc says now to what the exec said", () => {
  const { table } = makeTable({ 7: snapshot(3, ["postgres: writer"]) });
  table.exec(exec(7, 3, ["postgres", "-D", "/data"]));
  expect(table.at(7, 3 * SECOND, "postgres").commandLine).toEqual(["postgres: writer"]);
});

test("ProcessTable falls back on the exec when /proc shows an empty command line", () => {
  const { table } = makeTable({ 7: snapshot(3, []) });
  table.exec(exec(7, 3, ["sleep", "1"]));
  expect(table.at(7, 3 * SECOND, "sleep").commandLine).toEqual(["sleep", "1"]);
});

test.each([
  [0, 0, undefined],
  [3 << 8, 3, undefined],
  [255 << 8, 255, undefined],
  [9, undefined, 9],
  [15, undefined, 15],
  [128 + 11, undefined, 11],
])("ProcessTable reads the exit status %d of wait(2)", (status, code, signal) => {
  const { table } = makeTable();
  const process = table.at(7, 3 * SECOND, "node");
  expect(table.exit(exit(7, 3, status))).toBe(process);
  expect(process.exit).toEqual({ timeNs: 8 * SECOND, code, signal });
});

test("ProcessTable tells nothing of the exit of a process that it never met", () => {
  const { table } = makeTable();
  table.exec(exec(7, 3, ["true"]));
  expect(table.exit(exit(7, 3))).toBeUndefined();
  expect(table.exit(exit(8, 3))).toBeUndefined();
});

test("ProcessTable still finds a process for records that come after its exit", () => {
  const { table } = makeTable();
  const process = table.at(7, 3 * SECOND, "node");
  table.exit(exit(7, 3));
  expect(table.at(7, 3 * SECOND, "node")).toBe(process);
  expect(table.find(7, 3 * SECOND)).toBeUndefined();
});

test("ProcessTable finds the container of a gone process by its cgroup", () => {
  const { table, asked } = makeTable({}, { 42: DOCKER });
  for (const pid of [7, 8, 9]) {
    table.exec(exec(pid, 3, ["true"], 42n));
    expect(table.at(pid, 3 * SECOND, "true").containerId).toBe(ID);
  }
  expect(asked.cgroups).toBe(1);
});

test("ProcessTable knows a cgroup from another process that still ran", () => {
  const { table, asked } = makeTable({ 7: snapshot(3, ["sh"], DOCKER) });
  table.exec(exec(7, 3, ["sh"], 42n));
  table.at(7, 3 * SECOND, "sh");
  table.fork(fork(8, 7, 4, 42n));
  expect(table.at(8, 4 * SECOND, "sh").containerId).toBe(ID);
  expect(asked.cgroups).toBe(0);
});

test("ProcessTable learns at its exec that a process which it met before has moved into a container", () => {
  const proc: Record<number, ProcSnapshot> = { 7: snapshot(3, ["runc", "init"]) };
  const { table } = makeTable(proc, { 42: DOCKER });
  const process = table.at(7, 3 * SECOND, "runc");
  expect(process.containerId).toBeUndefined();
  proc[7] = snapshot(3, ["node"], DOCKER);
  table.exec(exec(7, 3, ["node"], 42n));
  expect(process.containerId).toBe(ID);
  // gone by then: its cgroup is asked for
  const short = table.at(8, 4 * SECOND, "runc");
  table.exec(exec(8, 4, ["true"], 42n));
  expect(short.containerId).toBe(ID);
});

test("ProcessTable does not take the cgroup of a fork for the one that it moved to", () => {
  const { table } = makeTable({ 7: snapshot(3, ["runc", "init"], DOCKER) }, { 1: "/" });
  table.fork(fork(7, 1, 3, 1n));
  expect(table.at(7, 3 * SECOND, "runc").containerId).toBe(ID);
  table.exec(exec(8, 4, ["true"], 1n));
  expect(table.at(8, 4 * SECOND, "true").containerId).toBeUndefined();
});

test("ProcessTable asks once for a cgroup that is gone", () => {
  const { table, asked } = makeTable();
  for (const pid of [7, 8, 9]) {
    table.exec(exec(pid, 3, ["true"], 43n));
    expect(table.at(pid, 3 * SECOND, "true").containerId).toBeUndefined();
  }
  expect(asked.cgroups).toBe(1);
});

test("ProcessTable forgets the oldest of 100,000 execs that nobody asked for, not the newest", () => {
  const { table } = makeTable();
  for (let pid = 1; pid <= 100_000; pid++) table.exec(exec(pid, 3, [`p${pid}`]));
  expect(table.at(1, 3 * SECOND, "p").commandLine).toEqual([]);
  expect(table.at(100_000, 3 * SECOND, "p").commandLine).toEqual(["p100000"]);
  expect(table.at(50_000, 3 * SECOND, "p").commandLine).toEqual(["p50000"]);
});

test("ProcessTable forgets the oldest of 5,000 ended processes, not the newest", () => {
  const { table } = makeTable();
  const all = Array.from({ length: 5_000 }, (_, at) => {
    const process = table.at(at + 1, 3 * SECOND, "p");
    table.exit(exit(at + 1, 3));
    return process;
  });
  expect(table.at(5_000, 3 * SECOND, "p") === all[4_999]).toBe(true);
  expect(table.at(1, 3 * SECOND, "p") === all[0]).toBe(false);
});

const streams = (inode: number) =>
  [{ kind: "pipe", inode } as const, undefined, undefined] as const;

test("ProcessTable knows the streams that a program was given, its latest, and a fork its parent's", () => {
  const { table } = makeTable();
  table.exec({ ...exec(7, 3, ["sh"]), streams: streams(1) });
  table.fork(fork(8, 7, 4));
  const process = table.at(7, 3 * SECOND, "sh");
  expect([process.streams, table.at(8, 4 * SECOND, "sh").streams]).toEqual([
    streams(1),
    streams(1),
  ]);
  table.exec({ ...exec(7, 3, ["server"]), streams: streams(2) });
  expect(process.streams).toEqual(streams(2));
});

test("ProcessTable asks what a fork has in place of its parent's streams", () => {
  const table = new ProcessTable(
    () => snapshot(4, ["sh"]),
    () => undefined,
    () => streams(9),
  );
  table.exec({ ...exec(7, 4, ["sh"]), streams: streams(1) });
  table.fork(fork(8, 7, 4));
  expect(table.at(8, 4 * SECOND, "sh").streams).toEqual(streams(9));
  expect(table.at(7, 4 * SECOND, "sh").streams).toEqual(streams(1));
});

test("ProcessTable asks for the streams of a process that ran before, not of another one with its pid", () => {
  const asked: number[] = [];
  const table = new ProcessTable(
    (pid) => (pid === 7 ? snapshot(3, ["server"]) : undefined),
    () => undefined,
    (pid) => {
      asked.push(pid);
      return streams(5);
    },
  );
  expect(table.at(7, 3 * SECOND, "server").streams).toEqual(streams(5));
  expect(table.at(7, 2 * SECOND, "other").streams).toBeUndefined();
  expect(asked).toEqual([7]);
});

test("ProcessTable knows whose descendant a process is, of shells that have ended, too", () => {
  const { table } = makeTable();
  table.adopt({ pid: 5, parentPid: 1 });
  table.fork(fork(6, 5, 2));
  table.fork(fork(7, 6, 3));
  table.exec(exec(7, 3, ["tee"]));
  table.exit(exit(6, 2));
  expect(table.at(7, 3 * SECOND, "tee").ancestors).toEqual([6, 5, 1]);
  expect(table.at(9, 9 * SECOND, "").ancestors).toBeUndefined();
});

test("ProcessTable ends at a circle of parents", () => {
  const { table } = makeTable();
  table.adopt({ pid: 7, parentPid: 8 });
  table.adopt({ pid: 8, parentPid: 7 });
  expect(table.at(7, 3 * SECOND, "").ancestors?.length).toBe(32);
});
