/** Where the standard streams of a process lead: from the kernel's record of an exec, or from /proc. */
import { readlinkSync } from "node:fs";
import { u64 } from "./fields.ts";
import { STANDARD_STREAM } from "./layout.ts";
import type { StandardStream, StandardStreams } from "./types.ts";

const FILE_TYPE = 0o170000;
const KINDS = new Map<number, StandardStream["kind"]>([
  [0o010000, "pipe"],
  [0o100000, "file"],
  [0o140000, "socket"],
]);
const CHARACTER_DEVICE = 0o020000;
const MINOR_BITS = 20;
const NULL_DEVICE = (1 << MINOR_BITS) | 3;
/** Consoles and serial lines, /dev/tty and its like, pseudoterminals. Source: Documentation/admin-guide/devices.txt. */
const isTerminal = (major: number) => major === 4 || major === 5 || (major >= 136 && major <= 143);

/** struct standard_stream, three times. */
export function decodeStreams(view: DataView, at: number): StandardStreams {
  const stream = (index: number) => decodeStream(view, at + index * STANDARD_STREAM.size);
  return [stream(0), stream(1), stream(2)];
}

function decodeStream(view: DataView, at: number): StandardStream | undefined {
  const mode = view.getUint32(at + STANDARD_STREAM.mode, true);
  if (mode === 0) return undefined;
  const device = view.getUint32(at + STANDARD_STREAM.device, true);
  const type = mode & FILE_TYPE;
  const kind = type === CHARACTER_DEVICE ? deviceKind(device) : (KINDS.get(type) ?? "other");
  return { kind, inode: u64(view, at + STANDARD_STREAM.inode) };
}

function deviceKind(device: number): StandardStream["kind"] {
  if (device === NULL_DEVICE) return "null";
  return isTerminal(device >>> MINOR_BITS) ? "terminal" : "other";
}

/** As they are now; undefined: it is gone. Only names are read: to ask the files themselves may take for ever. */
export function readStreams(pid: number): StandardStreams | undefined {
  const names = [0, 1, 2].map((fd) => readName(`/proc/${pid}/fd/${fd}`));
  if (names.every((name) => name === undefined)) return undefined;
  return [namedStream(names[0]), namedStream(names[1]), namedStream(names[2])];
}

function readName(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/** "pipe:[4711]", "socket:[815]", "/dev/pts/3", "/tmp/log" */
export function namedStream(name: string | undefined): StandardStream | undefined {
  if (name === undefined) return undefined;
  const [, kind, inode] = /^(pipe|socket):\[(\d+)\]$/.exec(name) ?? [];
  if (kind !== undefined)
    return { kind: kind === "pipe" ? "pipe" : "socket", inode: Number(inode) };
  if (name === "/dev/null") return { kind: "null", inode: 0 };
  if (/^\/dev\/(pts\/|tty|console$)/.test(name)) return { kind: "terminal", inode: 0 };
  return { kind: name.startsWith("/dev/") || !name.startsWith("/") ? "other" : "file", inode: 0 };
}
