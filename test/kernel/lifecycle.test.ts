/** How the tool starts and ends, whom it names, and what it leaves behind: nothing. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { differences, messagesOf } from "./compare.ts";
import { at, listAt, numberAt, parseObject, textAt } from "./json.ts";
import { runTool } from "./run-tool.ts";
import {
  ANY_FRONT_END,
  EMULATED,
  missing,
  OVERHEAR,
  PATIENCE_MS,
  TRAFFIC,
  titled,
} from "./settings.ts";
import { Tool } from "./tool.ts";
import { talk } from "./traffic.ts";
import { until } from "./until.ts";

setDefaultTimeout(PATIENCE_MS * 4);
const attach = ["--attach", ANY_FRONT_END];
const lacks = missing();
const BPFTOOL = Bun.which("bpftool", { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` });

/** Ids of the BPF programs and links that the process holds, as bpftool finds them. */
function held(pid: number): string[] {
  return ["prog", "link"].flatMap((kind) => {
    const { stdout } = Bun.spawnSync([BPFTOOL ?? "", "-j", kind, "show"]);
    const shown: unknown = JSON.parse(stdout.toString() || "[]");
    return listAt({ shown }, "shown")
      .filter((one) => listAt(one, "pids").some((holder) => at(holder, "pid") === pid))
      .map((one) => `${kind} ${at(one, "id")}`);
  });
}

function shown(): Set<string> {
  const ids = ["prog", "link"].flatMap((kind) => {
    const { stdout } = Bun.spawnSync([BPFTOOL ?? "", "-j", kind, "show"]);
    const all: unknown = JSON.parse(stdout.toString() || "[]");
    return listAt({ all }, "all").map((one) => `${kind} ${at(one, "id")}`);
  });
  return new Set(ids);
}

describe.skipIf(lacks !== undefined)(titled("life cycle", lacks), () => {
  test.each(["SIGINT", "SIGTERM"] as const)(
    "%s drains, prints the summary and ends with 0",
    async (signal) => {
      await using tool = await Tool.start(...attach);
      const truth = await talk(["--messages", "500", "--batch", "50", "--tag", signal]);
      const heard = await tool.stop(signal);
      expect(differences(heard, truth)).toEqual([]);
      expect({ code: heard.exitCode, by: heard.summary["ended_by"] }).toEqual({
        code: 0,
        by: "signal",
      });
    },
  );

  test("--duration ends the run with an honest summary", async () => {
    await using tool = await Tool.start(...attach, "--duration", "1s");
    const truth = await talk(["--tag", "duration"]);
    const heard = await tool.ended();
    expect({ code: heard.exitCode, by: heard.summary["ended_by"] }).toEqual({
      code: 0,
      by: "duration",
    });
    expect(messagesOf(heard, truth).length).toBe(truth.read.length);
  });

  test("--max-messages ends the run after exactly as many message lines", async () => {
    await using tool = await Tool.start(...attach, "--max-messages", "5");
    await talk(["--tag", "max"]);
    const heard = await tool.ended();
    const messages = heard.lines.filter((line) => line["kind"] === "message").length;
    expect({ messages, by: heard.summary["ended_by"], code: heard.exitCode }).toEqual({
      messages: 5,
      by: "max_messages",
      code: 0,
    });
  });

  test.skipIf(BPFTOOL === null).each(["SIGINT", "SIGKILL"] as const)(
    titled(
      "leaves no program and no link behind after %s",
      BPFTOOL === null ? "bpftool" : undefined,
    ),
    async (signal) => {
      const before = shown();
      const tool = Bun.spawn([OVERHEAR, "--format", "ndjson", ...attach], {
        stdin: "ignore",
        stdout: "ignore",
        stderr: "pipe",
      });
      const reader = tool.stderr.pipeThrough(new TextDecoderStream()).getReader();
      for (let said = ""; !said.includes("listening"); ) said += (await reader.read()).value ?? "";
      const named = held(tool.pid);
      // older kernels do not say who holds a program: all that is new, then
      const mine = named.length > 0 ? named : [...shown()].filter((id) => !before.has(id));
      expect(mine.length).toBeGreaterThan(0);
      tool.kill(signal);
      await tool.exited;
      await until(() => mine.every((id) => !shown().has(id)), "all are gone");
    },
  );

  test("a process is named by what it has become through exec", async () => {
    await using tool = await Tool.start(...attach);
    const wrapper = ["sh", "-c", 'exec "$@"', "sh"];
    const truth = await talk(["--tag", "exec"], TRAFFIC, wrapper);
    const heard = await tool.stop();
    expect(differences(heard, truth)).toEqual([]);
    const name = TRAFFIC.slice(TRAFFIC.lastIndexOf("/") + 1).slice(0, 15);
    for (const line of messagesOf(heard, truth))
      expect([
        at(line, "stdio_transport", "from_comm"),
        at(line, "stdio_transport", "to_comm"),
      ]).toEqual([name, name]);
    const sessions = heard.lines.filter((line) => line["kind"] === "session");
    const mine = sessions.findLast((line) => truth.clients.has(numberAt(line, "client", "pid")));
    // Gone long before anybody could have looked into /proc, and yet known by what their parent was.
    expect(listAt(mine, "server", "command_line")[0]).toBe(TRAFFIC);
    expect(textAt(mine, "reason")).not.toBe("");
  });

  test.each(["pipe", "socketpair"])(
    "a reader of a %s that asks for 0 bytes now and then stays in one session",
    async (channel) => {
      await using tool = await Tool.start(...attach);
      // with time in between for the tool to believe in an end
      const path = ["--channel", channel, "--read", "read", "--empty-reads", "--rate", "5"];
      const truth = await talk([...path, "--messages", "5", "--tag", `empty-${channel}`]);
      const heard = await tool.stop();
      expect(differences(heard, truth)).toEqual([]);
      const starts = heard.lines.filter(
        (line) => line["event"] === "start" && truth.clients.has(numberAt(line, "client", "pid")),
      );
      expect(starts.length).toBe(1);
    },
  );

  test.each(["os.pipe()", "[each.detach() for each in socket.socketpair()]"])(
    "a reader that asks for 0 bytes of %s, whose writer has gone, hears the end behind the last message",
    async (channel) => {
      await using tool = await Tool.start(...attach);
      const script = `import os, socket, time
reader, writer = ${channel}
if os.fork() == 0:
    os.write(writer, b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}\\n')
    os._exit(0)
os.close(writer)
os.wait()
os.read(reader, 0)
time.sleep(0.5)
while os.read(reader, 65536): pass`;
      const { pid, exited } = Bun.spawn(["/usr/bin/python3", "-c", script]);
      expect(await exited).toBe(0);
      const heard = await tool.stop();
      const mine = heard.lines.filter((line) => at(line, "stdio_transport", "to_pid") === pid);
      expect(mine.map((line) => [line["kind"], line["bytes"]])).toEqual([["message", 47]]);
    },
  );

  test("a channel that was set aside for its log is heard again, without times that belong to the log", async () => {
    await using tool = await Tool.start(...attach);
    const script = `import os, time
reader, writer = os.pipe()
if os.fork() == 0:
    os.close(reader)
    for _ in range(9000): os.write(writer, b'a line of a log\\n')
    time.sleep(13)
    for id in range(3):
        os.write(writer, b'{"jsonrpc":"2.0","id":%d,"method":"tools/list"}\\n' % id)
        time.sleep(0.2)
    os._exit(0)
os.close(writer)
for _ in range(18): os.read(reader, 4096)
time.sleep(1)
while os.read(reader, 65536): pass`;
    const { pid, exited } = Bun.spawn(["/usr/bin/python3", "-c", script]);
    expect(await exited).toBe(0);
    const heard = await tool.stop();
    const mine = heard.lines.filter((line) => at(line, "stdio_transport", "to_pid") === pid);
    const messages = mine.filter((line) => line["kind"] === "message");
    expect(messages.map((line) => [line["id"], line["queued_ms"]])).toEqual(
      [0, 1, 2].map((id) => [id, undefined]),
    );
    expect(at(messages[0], "stdio_transport", "from_pid")).not.toBe(null);
  });

  test("many short conversations in a row, with pids that come again, stay apart", async () => {
    await using tool = await Tool.start(...attach);
    const truths = [];
    for (let i = 0; i < (EMULATED ? 10 : 60); i++)
      truths.push(await talk(["--messages", "2", "--tag", `short-${i}`]));
    const heard = await tool.stop();
    expect(truths.flatMap((truth) => differences(heard, truth))).toEqual([]);
  });

  test("without privilege it says so in one line with a hint and ends with 3", async () => {
    const command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", OVERHEAR];
    const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    const [code, stderr] = await Promise.all([child.exited, child.stderr.text()]);
    const lines = stderr.trimEnd().split("\n");
    expect({ code, lines: lines.length }).toEqual({ code: 3, lines: 2 });
    expect(lines[1]).toStartWith("hint: ");
  });

  test("doctor finds that it can listen here", async () => {
    const { code, stdout } = await runTool("doctor", "--json");
    const report = parseObject(stdout);
    expect({ code, can: report["can_listen"] }).toEqual({ code: 0, can: true });
    const text = await runTool("doctor");
    expect({ code: text.code, stderr: text.stderr }).toEqual({ code: 0, stderr: "" });
    expect(text.stdout).toContain("Can overhear");
  });
});
