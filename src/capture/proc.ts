/** What /proc says of a process; every read may fail, since the process may be gone. */
import { readdirSync, readFileSync } from "node:fs";
import { splitArguments } from "./decode.ts";

export interface ProcSnapshot {
  /** Start in clock ticks (10 ms) since boot: as exact as /proc tells. */
  readonly startTicks: number;
  readonly comm: string;
  readonly commandLine: readonly string[];
  readonly cgroupPath: string | undefined;
  readonly groupId?: number;
}

const COMMAND_LINE_BYTES = 4096;
const CLOCK_TICK_NS = 10_000_000;

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

interface Stat {
  readonly comm: string;
  /** Behind the name. */
  readonly fields: readonly string[];
}

/** The name in /proc/PID/stat stands there as it is, spaces and brackets too. Source: proc(5). */
function readStat(directory: string): Stat | undefined {
  const stat = readText(`${directory}/stat`);
  if (stat === undefined) return undefined;
  const end = stat.lastIndexOf(")");
  const comm = stat.slice(stat.indexOf("(") + 1, end);
  return { comm, fields: stat.slice(end + 2).split(" ") };
}

export function readProcess(pid: number): ProcSnapshot | undefined {
  const stat = readStat(`/proc/${pid}`);
  const startTicks = Number(stat?.fields[19]);
  if (!stat || !Number.isFinite(startTicks)) return undefined;
  const { comm } = stat;
  const groupId = Number(stat.fields[2]);
  const commandLine = readCommandLine(pid);
  return { startTicks, comm, commandLine, cgroupPath: readCgroup(pid), groupId };
}

/** True when a start in ns and a start in ticks can be of one process. */
export function isSameStart(startNs: number, ticks: number): boolean {
  return Math.abs(Math.floor(startNs / CLOCK_TICK_NS) - ticks) <= 1;
}

/** Whose child a process is, and its start in clock ticks since boot. */
export function readFamily(pid: number): { parentPid: number; startTicks: number } | undefined {
  const stat = readStat(`/proc/${pid}`);
  const parentPid = Number(stat?.fields[1]);
  const startTicks = Number(stat?.fields[19]);
  if (!Number.isFinite(parentPid) || !Number.isFinite(startTicks)) return undefined;
  return { parentPid, startTicks };
}

export function readParent(pid: number): number | undefined {
  const parent = Number(readStat(`/proc/${pid}`)?.fields[1]);
  return Number.isFinite(parent) ? parent : undefined;
}

export function readComm(pid: number): string | undefined {
  return readText(`/proc/${pid}/comm`)?.replace(/\n$/, "");
}

function readCommandLine(pid: number): string[] {
  const bytes = readCommandBytes(`/proc/${pid}`);
  if (bytes.length > 0) return splitCommandLine(bytes);
  // a first thread that has ended before the others has no memory to show
  const other = listThreads(pid).find((tid) => tid !== pid);
  return other === undefined
    ? []
    : splitCommandLine(readCommandBytes(`/proc/${pid}/task/${other}`));
}

function readCommandBytes(directory: string): Buffer {
  try {
    return readFileSync(`${directory}/cmdline`).subarray(0, COMMAND_LINE_BYTES);
  } catch {
    return Buffer.alloc(0);
  }
}

function splitCommandLine(bytes: Buffer): string[] {
  // a process that wrote its title here has padded it with NULs
  const isPadded = bytes.length > 2 && bytes.at(-1) === 0 && bytes.at(-2) === 0;
  const text = bytes.toString("latin1");
  return splitArguments(isPadded ? bytes.subarray(0, text.replace(/\0+$/, "").length) : bytes);
}

/** Path in the cgroup2 hierarchy; where only version 1 is mounted, in the first one listed. */
export function readCgroup(pid: number): string | undefined {
  const lines = readText(`/proc/${pid}/cgroup`)?.trim().split("\n") ?? [];
  const line = lines.find((each) => each.startsWith("0::")) ?? lines[0];
  return line?.split(":").slice(2).join(":");
}

export function listProcesses(): number[] {
  return listNumbers("/proc");
}

export function listThreads(pid: number): number[] {
  return listNumbers(`/proc/${pid}/task`);
}

function listNumbers(path: string): number[] {
  try {
    return readdirSync(path)
      .map(Number)
      .filter((each) => each > 0);
  } catch {
    return [];
  }
}

export interface BlockedCall {
  readonly number: number;
  /** The first three. */
  readonly arguments: readonly number[];
}

/** The system call in which a thread is blocked; undefined when it runs. Source: proc(5). */
export function readBlockedCall(pid: number, tid: number): BlockedCall | undefined {
  const fields = readText(`/proc/${pid}/task/${tid}/syscall`)?.split(" ") ?? [];
  const number = Number(fields[0]);
  if (!Number.isInteger(number) || number < 0) return undefined;
  return { number, arguments: fields.slice(1, 4).map(Number) };
}

/** False, too, when it has ended and nobody has asked for its exit code yet. */
export function isThreadAlive(pid: number, tid: number): boolean {
  const state = readStat(`/proc/${pid}/task/${tid}`)?.fields[0];
  return state !== undefined && state !== "Z" && state !== "X";
}
