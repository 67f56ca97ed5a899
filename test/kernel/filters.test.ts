/** Filters are applied in the kernel: who matches is heard in both directions, children too, and nobody else. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assertNdjsonText } from "../unit/sinks/validate.ts";
import { Cgroup } from "./cgroup.ts";
import { differences, transportOf } from "./compare.ts";
import { at, type Json } from "./json.ts";
import { ANY_FRONT_END, missing, OVERHEAR, PATIENCE_MS, TRAFFIC, titled } from "./settings.ts";
import { type Heard, Tool } from "./tool.ts";
import { Traffic, talk } from "./traffic.ts";
import type { Truth } from "./truth.ts";

setDefaultTimeout(PATIENCE_MS * 4);
const attach = ["--attach", ANY_FRONT_END];
const lacks = missing();

/** All of `wanted` is heard, and of all others nothing. */
function expectOnly(heard: Heard, wanted: readonly Truth[]): void {
  for (const truth of wanted) expect(differences(heard, truth)).toEqual([]);
  const pids = new Set(wanted.flatMap((truth) => [...truth.clients, ...truth.servers]));
  const others = heard.lines.filter(
    (line) => line["kind"] === "message" && !pids.has(Number(at(transportOf(line), "to_pid"))),
  );
  expect(others).toEqual([]);
}

function truthOf(truth: Truth | undefined): Truth {
  if (truth === undefined) throw new Error("this kernel lacks a call");
  return truth;
}

describe.skipIf(lacks !== undefined)(titled("filters", lacks), () => {
  test.each([
    ["client", "pipe"],
    ["server", "pipe"],
    ["client", "tcp4"],
    ["server", "tcp4"],
  ] as const)(
    "--pid hears both directions of a %s that runs already (%s)",
    async (end, channel) => {
      const wanted = new Traffic(["--channel", channel, "--hold", "reader", "--tag", "pid"]);
      const other = new Traffic(["--channel", channel, "--hold", "reader", "--tag", "other"]);
      await Promise.all([wanted.held(), other.held()]);
      await using tool = await Tool.start(...attach, "--pid", String(wanted.ends[end]));
      wanted.go();
      other.go();
      const [truth] = await Promise.all([wanted.over(), other.over()]);
      const heard = await tool.stop();
      expectOnly(heard, [truthOf(truth)]);
      expect(heard.stderr).not.toContain("no process matches");
    },
  );

  test("--pid hears children that run already and children that come later", async () => {
    const parent = new Traffic([
      "--hold",
      "reader",
      "--channel",
      "socketpair",
      "--tag",
      "children",
    ]);
    await parent.held();
    const script = `read line; "${TRAFFIC}" --log "$0" --tag later >/dev/null`;
    const directory = mkdtempSync(join(tmpdir(), "overhear-later."));
    const shell = Bun.spawn(["sh", "-c", script, directory], { stdin: "pipe", stdout: "ignore" });
    await using tool = await Tool.start(
      ...[...attach, "--pid", String(parent.pid), "--pid", String(shell.pid)],
    );
    parent.go();
    const [truth] = await Promise.all([parent.over(), talk(["--tag", "other"])]);
    await shell.stdin.write("go\n");
    await shell.stdin.end();
    expect(await shell.exited).toBe(0);
    const heard = await tool.stop();
    rmSync(directory, { recursive: true });
    expect(differences(heard, truthOf(truth))).toEqual([]);
    const later = heard.lines.filter((line) => JSON.stringify(line).includes("later"));
    const other = heard.lines.filter((line) => JSON.stringify(line).includes('other\\"'));
    expect({ later: later.length > 0, other: other.length }).toEqual({ later: true, other: 0 });
  });

  test("--comm hears programs of that name, also when they start later", async () => {
    const directory = mkdtempSync(join(tmpdir(), "overhear-comm."));
    const named = join(directory, "mcp-alpha");
    copyFileSync(TRAFFIC, named);
    await using tool = await Tool.start(...attach, "--comm", "mcp-alpha");
    await tool.says("no process matches the filter yet");
    const [wanted] = await Promise.all([talk(["--tag", "alpha"], named), talk(["--tag", "other"])]);
    const heard = await tool.stop();
    rmSync(directory, { recursive: true });
    expectOnly(heard, [wanted]);
    const names = heard.lines.filter((line) => line["kind"] === "message").map(commsOf);
    expect(new Set(names)).toEqual(new Set(["mcp-alpha mcp-alpha"]));
  });

  test("--comm hears a program that gives itself that name later, as Node's process.title does", async () => {
    await using tool = await Tool.start(...attach, "--comm", "mcp-beta");
    const [wanted] = await Promise.all([
      talk(["--tag", "beta", "--rename", "mcp-beta"]),
      talk(["--tag", "other"]),
    ]);
    expectOnly(await tool.stop(), [wanted]);
  });

  test("--cgroup hears the processes of a cgroup", async () => {
    using cgroup = Cgroup.make(`overhear-test-${process.pid}`);
    if (cgroup === undefined) throw new Error("no cgroup can be made here");
    await using tool = await Tool.start(...attach, "--cgroup", cgroup.path);
    const [wanted] = await Promise.all([
      talk(["--tag", "inside"], TRAFFIC, cgroup.wrapper),
      talk(["--tag", "outside"]),
    ]);
    expectOnly(await tool.stop(), [wanted]);
  });

  test("--container hears a container by the beginning of its id, and sessions name it", async () => {
    const id = "5eed".repeat(16);
    using cgroup = Cgroup.make(`docker-${id}.scope`);
    if (cgroup === undefined) throw new Error("no cgroup can be made here");
    await using tool = await Tool.start(...attach, "--container", id.slice(0, 12));
    const [wanted] = await Promise.all([
      talk(["--tag", "inside"], TRAFFIC, cgroup.wrapper),
      talk(["--tag", "outside"]),
    ]);
    const heard = await tool.stop();
    expectOnly(heard, [wanted]);
    const last = heard.lines.findLast((line) => line["kind"] === "session");
    const inside = { container_id: id };
    expect(last).toMatchObject({ client: inside, server: inside });
  });

  /** Output file, exit code and stderr of `overhear run`. */
  async function runCommand(...command: readonly string[]) {
    const directory = mkdtempSync(join(tmpdir(), "overhear-run."));
    const file = join(directory, "out.ndjson");
    const process = Bun.spawn(
      [OVERHEAR, "run", ...attach, "-b", "-q", "-o", file, "--", ...command],
      { stdin: "ignore", stdout: "ignore", stderr: "pipe" },
    );
    const [code, stderr] = await Promise.all([process.exited, process.stderr.text()]);
    const lines: Json[] = assertNdjsonText(readFileSync(file, "utf8"));
    rmSync(directory, { recursive: true });
    return { code, stderr, lines };
  }

  test.each([
    ["exit 0", 0],
    ["exit 7", 7],
    ["kill -TERM $$", 143],
    ["kill -KILL $$", 137],
  ] as const)("run -- sh -c '%s' ends with %i", async (script, code) => {
    const run = await runCommand("sh", "-c", script);
    expect(run.code).toBe(code);
    expect(at(run.lines.at(-1), "ended_by")).toBe("command_exited");
  });

  test.each(["pipe", "socketpair"])(
    "run in front of a server hears both directions of the client that started it by a %s",
    async (kind) => {
      const directory = mkdtempSync(join(tmpdir(), "overhear-wrapped."));
      const file = join(directory, "out.ndjson");
      const server = `import sys
for line in sys.stdin:
    sys.stdout.write('{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}\\n'); sys.stdout.flush()`;
      const client = `import socket, subprocess, sys
if sys.argv[1] == "pipe":
    child = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    there, back = child.stdin, child.stdout
else:
    mine, its = socket.socketpair()
    child = subprocess.Popen(sys.argv[2:], stdin=its, stdout=its)
    its.close()
    there = back = mine.makefile("rwb")
there.write(b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}\\n'); there.flush()
back.readline()
there.close()
if sys.argv[1] != "pipe": mine.shutdown(socket.SHUT_WR)
sys.exit(child.wait())`;
      const wrapper = [OVERHEAR, "run", ...attach, "-q", "-o", file, "--"];
      const python = ["/usr/bin/python3", "-c"];
      const command = [...python, client, kind, ...wrapper, ...python, server];
      const run = Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
      const [code, stderr] = await Promise.all([run.exited, run.stderr.text()]);
      const lines = assertNdjsonText(readFileSync(file, "utf8"));
      rmSync(directory, { recursive: true });
      const types = lines.filter((line) => line["kind"] === "message").map((line) => line["type"]);
      expect({ code, stderr, types }).toEqual({
        code: 0,
        stderr: "",
        types: ["request", "response"],
      });
    },
  );

  test("run hears all of its command's process tree, from the first byte, and nobody else [capture/follow]", async () => {
    const directory = mkdtempSync(join(tmpdir(), "overhear-tree."));
    const other = new Traffic(["--hold", "reader", "--tag", "outside", "--messages", "50"]);
    await other.held();
    other.go();
    const script = `(cd / && "${TRAFFIC}" --log "$0" --messages 23 --tag inside >/dev/null); exit 3`;
    const [run] = await Promise.all([runCommand("sh", "-c", script, directory), other.over()]);
    const messages = run.lines.filter((line) => line["kind"] === "message");
    rmSync(directory, { recursive: true });
    // initialize and its answer, initialized, 23 calls and their answers
    expect({ code: run.code, messages: messages.length }).toEqual({ code: 3, messages: 49 });
    expect(messages.filter((line) => JSON.stringify(line).includes("outside"))).toEqual([]);
  });
});

function commsOf(line: Json): string {
  return `${at(line, "stdio_transport", "from_comm")} ${at(line, "stdio_transport", "to_comm")}`;
}
