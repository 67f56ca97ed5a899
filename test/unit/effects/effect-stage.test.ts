import { expect, test } from "bun:test";
import type { ExecEvent, ExitEvent, ForkEvent } from "../../../src/capture/types.ts";
import { EffectStage } from "../../../src/effects/effect-stage.ts";
import type { Effect, EffectInput, EffectOutput } from "../../../src/effects/types.ts";
import { connection } from "../sinks/connection-items.ts";
import { processes } from "../stream/events.ts";

const MS = 1_000_000;
const SERVER = 50;

interface Call {
  readonly name: string;
}

function startOf(pid: number): number {
  return pid * 1_000 * MS;
}

function fork(pid: number, parentPid: number, ms: number): ForkEvent {
  return { kind: "fork", pid, parentPid, timeNs: ms * MS, startNs: startOf(pid), cgroupId: 0n };
}

function exec(pid: number, ms: number, ...commandLine: readonly string[]): ExecEvent {
  const comm = commandLine[0] ?? "";
  return {
    kind: "exec",
    pid,
    timeNs: ms * MS,
    startNs: startOf(pid),
    cgroupId: 0n,
    comm,
    commandLine,
  };
}

function exit(pid: number, ms: number, status = 0): ExitEvent {
  return { kind: "exit", pid, timeNs: ms * MS, startNs: startOf(pid), status };
}

/** A world with a server of pid 50, into which events go as a run puts them: processes first. */
function setUp() {
  const directory = processes();
  const stage = new EffectStage<Call>(directory);
  const late: string[] = [];
  const ended = new Map<Call, readonly Effect[]>();
  const push = (item: EffectInput<Call>) => {
    if (item.kind === "fork") directory.fork(item);
    if (item.kind === "exec") directory.exec(item);
    if (item.kind === "exit") directory.exit(item);
    take(stage.push(item));
  };
  const take = (out: readonly EffectOutput<Call>[]) => {
    for (const each of out) {
      if (each.kind === "late") late.push(`${each.call.name}: ${brief(each.effect)}`);
      else ended.set(each.call, each.effects);
    }
  };
  const world = {
    stage,
    late,
    hear: (...items: readonly EffectInput<Call>[]) => items.forEach(push),
    begin(name: string, ms: number, pid = SERVER): Call {
      const server = directory.at(pid, startOf(pid), `server${pid}`);
      const call = { name };
      push({ kind: "call-begin", call, idText: name, server, timeNs: ms * MS });
      return call;
    },
    end(call: Call, ms: number): string[] {
      push({ kind: "call-end", call, timeNs: ms * MS });
      return (ended.get(call) ?? []).map(brief);
    },
    effects: (call: Call) => ended.get(call) ?? [],
    connect: (pid: number, ms: number, port = 443) => {
      const process = directory.at(pid, startOf(pid), "");
      const remote = { address: "10.0.0.9", port };
      push({ kind: "connected", connection: connection({ process, startNs: ms * MS, remote }) });
    },
    tick: (ms: number) => push({ kind: "tick", timeNs: ms * MS }),
  };
  // it was there before
  world.hear(fork(SERVER, 1, 0));
  return world;
}

function brief(effect: Effect): string {
  const who = `${effect.process.pid}`;
  const may = effect.candidates.length > 0 ? ` may be of ${effect.candidates.join(",")}` : "";
  switch (effect.kind) {
    case "exec":
      return `${who} exec ${effect.argv.join(" ")}${may}`;
    case "fork":
      return `${who} fork ${effect.child.pid}${may}`;
    case "connect":
      return `${who} connect ${effect.connection.remote?.port}${may}`;
    case "file":
      return `${who} ${effect.file.change} ${effect.file.path}${may}`;
  }
}

test("EffectStage gives a call what its server and the processes below it did while it was open", () => {
  const { hear, begin, end, connect, effects, stage, tick } = setUp();
  connect(SERVER, 5);
  const call = begin("1", 10);
  hear(
    fork(60, SERVER, 11),
    exec(60, 12, "git", "clone", "https://x"),
    fork(61, 60, 13),
    exec(61, 14, "git-remote-https"),
  );
  connect(61, 15);
  connect(SERVER, 16, 80);
  hear(exit(61, 17), exit(60, 18, 128 << 8));
  expect(end(call, 20)).toEqual([
    "60 exec git clone https://x",
    "61 exec git-remote-https",
    "61 connect 443",
    "50 connect 80",
  ]);
  expect(effects(call)[0]?.process.exit).toEqual({ timeNs: 18 * MS, code: 128, signal: undefined });
  connect(SERVER, 21);
  tick(1000);
  hear(exit(SERVER, 1001));
  tick(2000);
  expect(stage.residue).toBe(0);
});

test("EffectStage tells a fork that nothing follows, and whose child that is", () => {
  const { hear, begin, end } = setUp();
  const call = begin("1", 10);
  hear(fork(60, SERVER, 11));
  expect(end(call, 20)).toEqual(["50 fork 60"]);
});

test("EffectStage names all calls that were open when there were several, and none else", () => {
  const { hear, begin, end } = setUp();
  const one = begin("1", 10);
  const two = begin("2", 12);
  const done = begin('"x"', 13);
  expect(end(done, 14)).toEqual([]);
  hear(fork(60, SERVER, 15), exec(60, 16, "ls"));
  expect(end(two, 20)).toEqual(["60 exec ls may be of 1,2"]);
  hear(fork(61, SERVER, 25), exec(61, 26, "wc"));
  expect(end(one, 30)).toEqual(["60 exec ls may be of 1,2", "61 exec wc"]);
});

test("EffectStage keeps a process with the call that it was started for, whatever else is open later", () => {
  const { hear, begin, end, connect, late, tick } = setUp();
  const one = begin("1", 10);
  hear(fork(60, SERVER, 11), exec(60, 12, "daemon"));
  expect(end(one, 20)).toEqual(["60 exec daemon"]);
  const two = begin("2", 30);
  connect(60, 35);
  hear(fork(61, 60, 36), exec(61, 37, "child"));
  connect(SERVER, 38, 80);
  expect(end(two, 40)).toEqual(["50 connect 80"]);
  connect(61, 5000, 22);
  tick(6000);
  expect(late).toEqual(["1: 60 connect 443", "1: 61 exec child", "1: 61 connect 22"]);
});

test("EffectStage gives a worker that was there before the calls that its server has open", () => {
  const { hear, begin, end, connect } = setUp();
  hear(fork(55, SERVER, 1), exec(55, 2, "worker"));
  const call = begin("1", 10_000);
  connect(55, 10_001);
  const other = begin("2", 10_002);
  connect(55, 10_003, 80);
  expect(end(call, 10_010)).toEqual(["55 connect 443", "55 connect 80 may be of 1,2"]);
  expect(end(other, 10_011)).toEqual(["55 connect 80 may be of 1,2"]);
});

test("EffectStage knows a request that is heard of after what it caused", () => {
  const { hear, begin, end } = setUp();
  end(begin("0", 1), 2);
  hear(fork(60, SERVER, 11), exec(60, 12, "ls"));
  const call = begin("1", 10);
  expect(end(call, 20)).toEqual(["60 exec ls"]);
});

test("EffectStage gives what a server below a server does to the one whose call is open", () => {
  const { hear, begin, end, connect } = setUp();
  hear(fork(70, SERVER, 1), exec(70, 2, "inner"));
  end(begin("i0", 3, 70), 4);
  const outer = begin("o1", 1000);
  const inner = begin("i1", 1001, 70);
  connect(70, 1002);
  expect(end(inner, 1003)).toEqual(["70 connect 443"]);
  connect(70, 1004, 80);
  expect(end(outer, 1010)).toEqual(["70 connect 80"]);
});

test("EffectStage leaves out what other processes do, what was accepted, and what was open before", () => {
  const { hear, begin, end, connect } = setUp();
  const call = begin("1", 10);
  hear(fork(90, 1, 11), exec(90, 12, "cron"));
  connect(90, 13);
  const process = {
    pid: SERVER,
    startNs: startOf(SERVER),
    comm: "",
    commandLine: [],
    containerId: undefined,
    exit: undefined,
  };
  const startNs = 14 * MS;
  hear(
    { kind: "connected", connection: connection({ process, startNs, direction: "accepted" }) },
    { kind: "connected", connection: connection({ process, startNs, openBefore: true }) },
    { kind: "connected", connection: connection({ process: undefined, startNs }) },
  );
  expect(end(call, 20)).toEqual([]);
});

test("EffectStage does not take a process for another one that had the pid before", () => {
  const { hear, begin, end } = setUp();
  const call = begin("1", 10);
  hear(fork(60, SERVER, 11), exec(60, 12, "ls"), exit(60, 13));
  hear(
    { ...fork(60, 1, 14), startNs: 99_000 * MS },
    { ...exec(60, 15, "cron"), startNs: 99_000 * MS },
  );
  expect(end(call, 20)).toEqual(["60 exec ls"]);
});

test("EffectStage tells of changed files", () => {
  const { hear, begin, end } = setUp();
  const call = begin("1", 10);
  const process = {
    pid: SERVER,
    startNs: startOf(SERVER),
    comm: "",
    commandLine: [],
    containerId: undefined,
    exit: undefined,
  };
  hear({
    kind: "file-changed",
    process,
    timeNs: 12 * MS,
    file: { change: "create", path: "/tmp/x", to: undefined },
  });
  expect(end(call, 20)).toEqual(["50 create /tmp/x"]);
});

test("EffectStage bounds what one call can have, and what waits, and counts the rest", () => {
  const { hear, begin, end, stage, effects } = setUp();
  const call = begin("1", 10);
  for (let index = 0; index < 20_000; index++) {
    hear(fork(100 + index, SERVER, 11), exec(100 + index, 11, "true"), exit(100 + index, 11));
  }
  end(call, 20);
  expect(effects(call).length).toBe(1000);
  // forks that an exec followed are told by that, and counted no more
  expect(stage.overflow).toBeGreaterThan(10_000);
  stage.push({ kind: "tick", timeNs: 10_000 * MS });
  hear(exit(SERVER, 11_000));
  expect(stage.residue).toBe(0);
});

test("EffectStage follows a chain of processes, each of which ends after it has started the next", () => {
  const { hear, begin, end, connect, late, tick } = setUp();
  const call = begin("1", 10);
  for (let index = 0; index < 900; index++) {
    const parent = index === 0 ? SERVER : 99 + index;
    hear(fork(100 + index, parent, 11));
    if (index > 0) hear(exit(parent, 11));
  }
  expect(end(call, 20).length).toBe(900);
  connect(999, 500);
  tick(2000);
  expect(late).toEqual(["1: 999 connect 443"]);
});
