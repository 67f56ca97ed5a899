import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { BootClock } from "../../../src/live/clock.ts";

test("BootClock tells the wall clock's time of now", () => {
  const clock = new BootClock();
  const beforeMs = Date.now();
  const nowMs = clock.toUnixMicros(clock.nowNs()) / 1000;
  expect(nowMs).toBeGreaterThanOrEqual(beforeMs - 100);
  expect(nowMs).toBeLessThanOrEqual(Date.now() + 100);
});

test("BootClock counts from the boot", () => {
  const uptime = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
  const seconds = new BootClock().nowNs() / 1e9;
  expect(seconds).toBeGreaterThanOrEqual(uptime);
  expect(seconds).toBeLessThan(uptime + 10);
});

test("BootClock gives one moment one time, before and after it was adjusted", () => {
  const clock = new BootClock();
  const moment = clock.nowNs();
  const first = clock.toUnixMicros(moment);
  clock.chores();
  expect(clock.toUnixMicros(moment)).toBe(first);
});

test("BootClock tells whole microseconds, in the order of the moments", () => {
  const clock = new BootClock();
  const at = Math.floor(clock.nowNs() / 1000) * 1000;
  const times = [0, 999, 1000, 1001, 2000].map((ns) => clock.toUnixMicros(at + ns));
  const first = times[0] ?? 0;
  expect(times).toEqual([first, first, first + 1, first + 1, first + 2]);
  expect(Number.isInteger(first)).toBe(true);
});
