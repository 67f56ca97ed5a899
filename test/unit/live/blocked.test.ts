import { expect, test } from "bun:test";
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Holder } from "../../../src/capture/holders.ts";
import { findBlockedThreads, findHalfWritten } from "../../../src/live/blocked.ts";
import { holder } from "./fake-kernel.ts";

async function until(isTrue: () => boolean): Promise<boolean> {
  for (let tries = 0; tries < 500; tries++) {
    if (isTrue()) return true;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return false;
}

/** Whether a process that holds a channel as `fd` is found to wait in it. */
function isBlocked(pid: number, fd: number, kind: Holder["kind"] = "pipe"): boolean {
  const found = findBlockedThreads([holder({ pid, fd, kind }), holder({ pid, fd: 99 })]);
  return found.some((each) => each.pid === pid && each.tid === pid);
}

test("findBlockedThreads finds a process that waits in a read of a pipe or socket", async () => {
  const cat = Bun.spawn(["cat"], { stdin: "pipe" });
  try {
    expect(await until(() => isBlocked(cat.pid, 0))).toBe(true);
    const both = holder({ pid: cat.pid, fd: 0, kind: "unix-stream", mayWrite: true, peer: 64 });
    expect(findHalfWritten(findBlockedThreads([both]))).toEqual(new Set());
  } finally {
    cat.kill("SIGKILL");
    await cat.exited;
  }
});

test("findBlockedThreads leaves out what waits on another descriptor, or in a packet socket", async () => {
  const cat = Bun.spawn(["cat"], { stdin: "pipe" });
  try {
    expect(await until(() => isBlocked(cat.pid, 0))).toBe(true);
    expect(isBlocked(cat.pid, 5)).toBe(false);
    expect(isBlocked(cat.pid, 0, "unix-dgram")).toBe(false);
  } finally {
    cat.kill("SIGKILL");
    await cat.exited;
  }
});

test("findBlockedThreads finds a process that waits in a write into a full named pipe", async () => {
  const folder = mkdtempSync(join(tmpdir(), "overhear-test-"));
  const fifo = join(folder, "fifo");
  Bun.spawnSync(["mkfifo", fifo]);
  const end = openSync(fifo, constants.O_RDWR);
  const yes = Bun.spawn(["yes"], { stdout: Bun.file(fifo) });
  try {
    expect(await until(() => isBlocked(yes.pid, 1))).toBe(true);
    const ends = [
      holder({ pid: yes.pid, fd: 1, channel: 64, mayWrite: true }),
      holder({ pid: yes.pid, fd: 2, channel: 128, mayWrite: true }),
    ];
    expect(findHalfWritten(findBlockedThreads(ends))).toEqual(new Set([64]));
  } finally {
    yes.kill("SIGKILL");
    await yes.exited;
    closeSync(end);
    rmSync(folder, { recursive: true });
  }
});

test("findBlockedThreads leaves out processes that wait for something else, and this one", async () => {
  const sleep = Bun.spawn(["sleep", "30"]);
  try {
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(isBlocked(sleep.pid, 0)).toBe(false);
    expect(isBlocked(process.pid, 0)).toBe(false);
  } finally {
    sleep.kill("SIGKILL");
    await sleep.exited;
  }
});
