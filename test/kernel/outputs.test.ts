/** Where lines go: readers that are slow, stand still or leave, disks that are full, files that are moved away. */
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
import { differences } from "./compare.ts";
import { at, numberAt } from "./json.ts";
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
/** A reader that is gone is noticed within 3 s; guests are slow. */
const NOTICE_MS = EMULATED ? 20_000 : 3_000;

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

describe.skipIf(lacks !== undefined)(titled("outputs", lacks), () => {
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
      const shown = directory.file("shown");
      const full = ["-f", "ndjson", "-o", join(disk, "out.ndjson")];
      const tool = Bun.spawn([OVERHEAR, "-b", ...attach, ...full], {
        stdin: "ignore",
        stdout: Bun.file(shown),
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
      // the output that works is complete
      const last = assertNdjsonText(readFileSync(shown, "utf8")).at(-1);
      expect(last).toMatchObject({ kind: "summary", ended_by: "output_failed" });
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

  test("an output behind a symlink is refused with 6 and a hint", async () => {
    using directory = new Directory();
    symlinkSync("/etc/hostname", directory.file("link"));
    const { code, stderr } = await runTool(...attach, "-o", directory.file("link"));
    expect(code).toBe(6);
    expect(stderr.trimEnd().split("\n").at(-1)).toStartWith("hint: ");
  });
});
