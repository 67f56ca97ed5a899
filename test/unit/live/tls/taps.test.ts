/** What is looked into, when, and what is told of again. */
import { expect, test } from "bun:test";
import { readFileSync, realpathSync } from "node:fs";
import { relative } from "node:path";
import type { MappedEvent } from "../../../../src/capture/tls/types.ts";
import type { ExecEvent } from "../../../../src/capture/types.ts";
import { type TapsParts, TlsTaps } from "../../../../src/live/tls/taps.ts";
import { analysis, makeLibraries } from "./kernel.ts";

const OWN = realpathSync(process.execPath);
const KEY = Uint8Array.of(1, 2, 3);
/** Nobody has this id. */
const GONE = 2 ** 22 + 1;

function fileEvent(pid: number, file = KEY): MappedEvent {
  return { kind: "mapped", pid, timeNs: 0, file };
}

function execEvent(pid: number, ...commandLine: readonly string[]): ExecEvent {
  return { kind: "exec", pid, timeNs: 0, startNs: 0, cgroupId: 0n, comm: "", commandLine };
}

function setUp(over: Partial<TapsParts> = {}) {
  const forgotten: Uint8Array[] = [];
  const looked: number[] = [];
  const { libraries } = makeLibraries(analysis({}));
  const clock = { ns: 0 };
  const taps = new TlsTaps({
    libraries,
    ownPid: 0,
    tellsFiles: true,
    forgetFile: (file) => void forgotten.push(file),
    nowNs: () => clock.ns,
    ...over,
  });
  /** Until there is nothing to be done at once. */
  const work = () => {
    for (let i = 0; taps.isBusy && i < 10_000; i++) taps.chores(clock.ns);
  };
  return { taps, libraries, forgotten, looked, clock, work };
}

/** Of this program's file, as it is mapped. */
function ownKey(): string {
  const line = readFileSync("/proc/self/maps", "utf8")
    .split("\n")
    .find((each) => each.endsWith(OWN) && each.includes("r-xp"));
  const [, , , device, inode] = line?.split(/ +/) ?? [];
  return `${device}:${inode}`;
}

test("TlsTaps looks into all files of a process that the kernel told of", () => {
  const { taps, libraries, forgotten, work } = setUp();
  expect(taps.isBusy).toBe(false);
  taps.observe(fileEvent(process.pid));
  expect(taps.isBusy).toBe(true);
  work();
  expect(libraries.isKnown(ownKey())).toBe(true);
  expect(forgotten).toEqual([]);
});

test("TlsTaps is told again of a file whose process was gone", () => {
  const { taps, forgotten, work } = setUp();
  taps.observe(fileEvent(GONE));
  taps.observe(fileEvent(GONE, Uint8Array.of(9)));
  work();
  expect(forgotten).toEqual([KEY, Uint8Array.of(9)]);
});

test("TlsTaps looks into the program of a process that was gone, for the next one", () => {
  const { taps, libraries, forgotten, work } = setUp();
  taps.observe(fileEvent(GONE));
  taps.observe(execEvent(GONE, OWN, "x"));
  work();
  expect(libraries.isKnown(ownKey())).toBe(true);
  // it may have been another file that was mapped
  expect(forgotten).toEqual([KEY]);
});

test("TlsTaps looks for no program that depends on where its process was", () => {
  const { taps, libraries, work } = setUp();
  taps.observe(execEvent(GONE, relative(process.cwd(), OWN)));
  taps.observe(fileEvent(GONE));
  work();
  expect(libraries.isKnown(ownKey())).toBe(false);
});

test("TlsTaps looks at no process of its own", () => {
  const { taps } = setUp({ ownPid: process.pid });
  taps.observe(fileEvent(process.pid));
  expect(taps.isBusy).toBe(false);
});

test("TlsTaps has no need of execs where the kernel tells of files", () => {
  const { taps, clock } = setUp();
  taps.observe(execEvent(process.pid));
  clock.ns = 10e9;
  expect(taps.isBusy).toBe(false);
});

test("TlsTaps looks at a new program several times where it does not", () => {
  const { taps, libraries, clock, work } = setUp({ tellsFiles: false });
  taps.observe(execEvent(process.pid));
  expect(taps.isBusy).toBe(false);
  const busyAt: number[] = [];
  for (const ms of [4, 6, 90, 110, 900, 1100, 5000]) {
    clock.ns = ms * 1e6;
    if (taps.isBusy) busyAt.push(ms);
    work();
  }
  expect(busyAt).toEqual([6, 110, 1100]);
  expect(libraries.isKnown(ownKey())).toBe(true);
});

test("TlsTaps finds what runs at the start, a slice at a time", () => {
  const { taps, libraries, work } = setUp();
  taps.discover();
  const before = performance.now();
  taps.chores(0);
  // a slice, and what one file takes
  expect(performance.now() - before).toBeLessThan(500);
  work();
  expect(libraries.isKnown(ownKey())).toBe(true);
});

test("TlsTaps looks into what a command is made of before it is started", () => {
  const { taps, libraries } = setUp();
  taps.prepare(OWN);
  expect(libraries.isKnown(ownKey())).toBe(true);
});
