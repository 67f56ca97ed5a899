import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import {
  isSameStart,
  listProcesses,
  listThreads,
  readBlockedCall,
  readCgroup,
  readComm,
  readParent,
  readProcess,
} from "../../../src/capture/proc.ts";

/** Above the largest pid_max that Linux takes: no process has it. */
const NOBODY = 5_000_000;

/** A shell that runs `script` and then waits until it is disposed of. */
function shell(script: string, ...args: readonly string[]) {
  const child = Bun.spawn(["sh", "-c", `${script}\necho ready\nread line`, ...args], {
    stdin: "pipe",
    stdout: "pipe",
  });
  const ready = child.stdout.getReader().read();
  return {
    pid: child.pid,
    ready,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

async function until<T>(read: () => T | undefined): Promise<T> {
  for (let tries = 0; tries < 500; tries++) {
    const found = read();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error("it did not happen within 5 s");
}

test("readProcess reads the command line as it was given, empty arguments too", async () => {
  await using child = shell("true", "a b", "", "ü");
  await child.ready;
  const commandLine = readProcess(child.pid)?.commandLine;
  expect(commandLine).toEqual(["sh", "-c", "true\necho ready\nread line", "a b", "", "ü"]);
});

test("readProcess reads no more than 4 KiB of a command line", async () => {
  await using child = shell("true", "x".repeat(100_000));
  await child.ready;
  expect(readProcess(child.pid)?.commandLine.join("\0").length).toBe(4096);
});

test("readProcess tells when a process started", async () => {
  const upBefore = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
  await using child = shell("true");
  await child.ready;
  const upAfter = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
  const startSeconds = (readProcess(child.pid)?.startTicks ?? 0) / 100;
  expect(startSeconds).toBeGreaterThanOrEqual(upBefore - 0.02);
  expect(startSeconds).toBeLessThanOrEqual(upAfter + 0.02);
});

test("readProcess and readParent read behind a name with spaces and brackets", async () => {
  await using child = shell("printf 'a) R 1 (b' > /proc/$$/comm");
  await child.ready;
  expect(readComm(child.pid)).toBe("a) R 1 (b");
  expect(readParent(child.pid)).toBe(process.pid);
  expect(readProcess(child.pid)?.startTicks).toBeGreaterThan(1);
});

test("readProcess gives a name as it is, with backslashes and line feeds", async () => {
  await using child = shell("printf 'a\\\\n) b\\nc' > /proc/$$/comm");
  await child.ready;
  expect(readProcess(child.pid)?.comm).toBe("a\\n) b\nc");
  expect(readComm(child.pid)).toBe("a\\n) b\nc");
});

test("readCgroup gives a path that starts at the hierarchy's root", () => {
  const paths = readFileSync("/proc/self/cgroup", "utf8")
    .trim()
    .split("\n")
    .map((line) => line.replace(/^\d+:[^:]*:/, ""));
  const path = readCgroup(process.pid);
  expect(path).toStartWith("/");
  expect(paths).toContain(path ?? "");
  expect(readProcess(process.pid)?.cgroupPath).toBe(path);
});

test("listProcesses and listThreads find this process", () => {
  expect(listProcesses()).toContain(process.pid);
  expect(listProcesses()).toContain(process.ppid);
  expect(listThreads(process.pid)).toContain(process.pid);
});

test("readBlockedCall names the read that a process waits in", async () => {
  await using child = shell("true");
  await child.ready;
  const call = await until(() => readBlockedCall(child.pid, child.pid));
  expect(call?.number).toBe(process.arch === "arm64" ? 63 : 0);
  expect(call?.arguments).toHaveLength(3);
  expect(call?.arguments[0]).toBe(0);
});

test("a process that is gone has nothing", () => {
  expect([
    readProcess(NOBODY),
    readParent(NOBODY),
    readComm(NOBODY),
    readCgroup(NOBODY),
    readBlockedCall(NOBODY, NOBODY),
    listThreads(NOBODY),
  ]).toEqual([undefined, undefined, undefined, undefined, undefined, []]);
});

test.each([
  [123_456_789_012, 12_345, true],
  [123_459_999_999, 12_345, true],
  [123_460_000_000, 12_345, true],
  [123_440_000_000, 12_345, true],
  [123_480_000_000, 12_345, false],
  [123_420_000_000, 12_345, false],
  [0, 0, true],
])("isSameStart compares %d ns with %d ticks of 10 ms", (startNs, ticks, same) => {
  expect(isSameStart(startNs, ticks)).toBe(same);
});
