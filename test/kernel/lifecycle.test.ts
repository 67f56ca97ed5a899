/** How the tool starts, ends and fails, and what it leaves behind: nothing. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assertNdjsonText } from "../unit/sinks/validate.ts";
import { differences, messagesOf } from "./compare.ts";
import { at, listAt, numberAt, parseObject, textAt } from "./json.ts";
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

setDefaultTimeout(PATIENCE_MS * 4);
const attach = ["--attach", ANY_FRONT_END];
const lacks = missing();
/** A reader that is gone is noticed within 3 s; guests are slow. */
const NOTICE_MS = EMULATED ? 20_000 : 3_000;
const BPFTOOL = Bun.which("bpftool", { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` });

class Directory implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "overhear-life."));
  file(name: string): string {
    return join(this.path, name);
  }
  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** What lies in a pipe, 64 KiB at most; empty: nothing. */
function readSome(fd: number): Buffer {
  const buffer = Buffer.alloc(65_536);
  try {
    return buffer.subarray(0, readSync(fd, buffer));
  } catch {
    return buffer.subarray(0, 0);
  }
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`never: ${what}`);
    await Bun.sleep(10);
  }
}

/** Runs it to its end. */
async function run(...args: readonly string[]) {
  const process = Bun.spawn([OVERHEAR, ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: PATIENCE_MS,
  });
  const [code, stdout, stderr] = await Promise.all([
    process.exited,
    process.stdout.text(),
    process.stderr.text(),
  ]);
  return { code, stdout, stderr };
}

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

  test("| head -1 ends the tool at once when something is heard", async () => {
    using directory = new Directory();
    const said = directory.file("stderr");
    const script = `"${OVERHEAR}" --format ndjson ${attach.join(" ")} 2>"${said}" | head -1; exit \${PIPESTATUS[0]}`;
    const shell = Bun.spawn(["bash", "-c", script], { stdin: "ignore", stdout: "pipe" });
    await until(
      () => existsSync(said) && readFileSync(said, "utf8").includes("listening"),
      "listening",
    );
    await talk(["--tag", "head"]);
    const heardAt = Date.now();
    const [code, text] = await Promise.all([shell.exited, shell.stdout.text()]);
    expect({ code, lines: text.split("\n").length - 1 }).toEqual({ code: 0, lines: 1 });
    expect(Date.now() - heardAt).toBeLessThan(NOTICE_MS);
  });

  test("| true ends the tool within 3 s while nothing is heard [output/reader-gone]", async () => {
    using directory = new Directory();
    const said = directory.file("stderr");
    // nobody has this name, so nothing is written that could fail
    const idle = `--comm nobody-has-it ${attach.join(" ")}`;
    const limit = Math.ceil((NOTICE_MS * 4) / 1000);
    const script = `timeout ${limit} "${OVERHEAR}" --format ndjson ${idle} 2>"${said}" | true; exit \${PIPESTATUS[0]}`;
    const shell = Bun.spawn(["bash", "-c", script], { stdin: "ignore", stdout: "ignore" });
    await until(
      () => existsSync(said) && readFileSync(said, "utf8").includes("listening"),
      "listening",
    );
    const listensAt = Date.now();
    expect(await shell.exited).toBe(0);
    expect(Date.now() - listensAt).toBeLessThan(NOTICE_MS);
  });

  test("SIGHUP opens the output anew [output/rotate]", async () => {
    using directory = new Directory();
    const [file, old] = [directory.file("out.ndjson"), directory.file("out.1")];
    await using tool = await Tool.start(...attach, "-o", file);
    const before = await talk(["--tag", "before"]);
    await until(() => readFileSync(file, "utf8").includes("before"), "the first lines");
    renameSync(file, old);
    tool.kill("SIGHUP");
    await until(() => existsSync(file), "the new file");
    const after = await talk(["--tag", "after"]);
    await tool.stop();
    const first = assertNdjsonText(readFileSync(old, "utf8"));
    const second = assertNdjsonText(readFileSync(file, "utf8"));
    expect(at(second.at(-1), "kind")).toBe("summary");
    expect(first.some((line) => line["kind"] === "summary")).toBe(false);
    const whole = { lines: [...first, ...second], summary: {}, exitCode: 0, stderr: "" };
    expect([...differences(whole, before), ...differences(whole, after)]).toEqual([]);
  });

  test("a reader that does not read holds nobody up, and what it costs is reported", async () => {
    const args = ["--format", "ndjson", "-b", ...attach, "--ring", "256K"];
    const tool = Bun.spawn([OVERHEAR, ...args], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const reader = tool.stderr.pipeThrough(new TextDecoderStream()).getReader();
    for (let said = ""; !said.includes("listening"); ) said += (await reader.read()).value ?? "";
    const calls = EMULATED ? "300" : "3000";
    const truth = await talk([
      "--messages",
      calls,
      "--size",
      "2000",
      "--batch",
      "20",
      "--tag",
      "slow",
    ]);
    tool.kill("SIGINT");
    const lines = assertNdjsonText(await tool.stdout.text());
    expect(await tool.exited).toBe(0);
    const mine = lines.filter((line) =>
      truth.servers.has(numberAt(line, "stdio_transport", "to_pid")),
    );
    const bytes = mine.reduce((sum, line) => sum + numberAt(line, "bytes"), 0);
    expect(bytes).toBe(truth.readBytes.c2s);
  });

  /** A tool that has heard 2 MB and was interrupted while nobody read its output, and the reading end of that. */
  async function interrupted(directory: Directory) {
    const fifo = directory.file("fifo");
    Bun.spawnSync(["mkfifo", fifo]);
    const read = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
    const write = openSync(fifo, constants.O_WRONLY);
    const tool = Bun.spawn([OVERHEAR, "--format", "ndjson", "-b", ...attach], {
      stdin: "ignore",
      stdout: write,
      stderr: "pipe",
    });
    closeSync(write);
    await tool.stderr.getReader().read();
    const truth = await talk(["--messages", "400", "--size", "5000", "--tag", "slow"]);
    tool.kill("SIGINT");
    return { tool, read, truth };
  }

  test("a reader that is slow gets all that was heard, however long it takes after SIGINT", async () => {
    using directory = new Directory();
    const { tool, read, truth } = await interrupted(directory);
    const start = Date.now();
    const taken: Buffer[] = [];
    // slow at first, for longer than a reader that takes nothing would be given
    while (tool.exitCode === null || taken.at(-1)?.length !== 0) {
      taken.push(readSome(read));
      await Bun.sleep(Date.now() - start < 5_000 ? 400 : 10);
    }
    closeSync(read);
    const exitCode = await tool.exited;
    const lines = assertNdjsonText(Buffer.concat(taken).toString());
    const heard = { lines, summary: lines.at(-1) ?? {}, exitCode, stderr: "" };
    expect(exitCode).toBe(0);
    expect(differences(heard, truth)).toEqual([]);
  });

  test("a second SIGINT ends a tool whose output nobody reads", async () => {
    using directory = new Directory();
    const { tool, read } = await interrupted(directory);
    await Bun.sleep(300); // sooner it would be the same one
    tool.kill("SIGINT");
    await tool.exited;
    closeSync(read);
    expect(tool.signalCode).toBe("SIGINT");
  });

  test("a full disk ends with 6, one line and a hint, and leaves what was written whole", async () => {
    using directory = new Directory();
    const disk = directory.file("disk");
    mkdirSync(disk);
    expect(Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]).exitCode).toBe(
      0,
    );
    try {
      const tool = Bun.spawn([OVERHEAR, "-b", ...attach, "-o", join(disk, "out.ndjson")], {
        stdin: "ignore",
        stdout: "ignore",
        stderr: "pipe",
        timeout: PATIENCE_MS,
      });
      await until(() => existsSync(join(disk, "out.ndjson")), "the output file");
      const code = tool.exited;
      while (tool.exitCode === null)
        await talk(["--messages", "100", "--size", "1000", "--tag", "full"]);
      const said = (await tool.stderr.text()).trimEnd().split("\n");
      expect(await code).toBe(6);
      expect(said.at(-1)).toStartWith("hint: ");
      expect(said.at(-2)).toContain("out.ndjson");
      const text = readFileSync(join(disk, "out.ndjson"), "utf8");
      const whole = assertNdjsonText(text.slice(0, text.lastIndexOf("\n") + 1));
      expect(whole.length).toBeGreaterThan(0);
    } finally {
      Bun.spawnSync(["umount", disk]);
    }
  });

  test("run waits for its command when the disk is full, says so at once, and ends with 6", async () => {
    using directory = new Directory();
    const disk = directory.file("disk");
    mkdirSync(disk);
    const mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk];
    expect(Bun.spawnSync(mount).exitCode).toBe(0);
    try {
      const done = directory.file("done");
      const script = `"${TRAFFIC}" --log "$0" --messages 200 --size 1000 --tag full >/dev/null; echo "$?" >"$1"`;
      const command = ["sh", "-c", script, directory.path, done];
      const tool = Bun.spawn(
        [OVERHEAR, "run", "-b", "-q", ...attach, "-o", join(disk, "out.ndjson"), "--", ...command],
        { stdin: "ignore", stdout: "ignore", stderr: "pipe", timeout: PATIENCE_MS },
      );
      const said = await tool.stderr.text();
      expect(await tool.exited).toBe(6);
      expect(said).toContain("no space left on device");
      expect(readFileSync(done, "utf8")).toBe("0\n");
    } finally {
      Bun.spawnSync(["umount", disk]);
    }
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

  test("an output behind a symlink is refused with 6 and a hint", async () => {
    using directory = new Directory();
    symlinkSync("/etc/hostname", directory.file("link"));
    const { code, stderr } = await run(...attach, "-o", directory.file("link"));
    expect(code).toBe(6);
    expect(stderr.trimEnd().split("\n").at(-1)).toStartWith("hint: ");
  });

  test("doctor finds that it can listen here", async () => {
    const { code, stdout } = await run("doctor", "--json");
    const report = parseObject(stdout);
    expect({ code, can: report["can_listen"] }).toEqual({ code: 0, can: true });
    const text = await run("doctor");
    expect({ code: text.code, stderr: text.stderr }).toEqual({ code: 0, stderr: "" });
    expect(text.stdout).toContain("Can overhear");
  });
});
