/** Programs of this machine in; their analysis, and what binutils say of them, out. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { analyse } from "../../../src/libraries/analyse.ts";
import type { Analysis, ReadAt } from "../../../src/libraries/types.ts";

export function withFile<Out>(path: string, use: (readAt: ReadAt, size: number) => Out): Out {
  const fd = openSync(path, "r");
  try {
    return use((into, at) => readSync(fd, into, 0, into.length, at), fstatSync(fd).size);
  } finally {
    closeSync(fd);
  }
}

export function analyseFile(path: string): Analysis {
  return withFile(path, analyse);
}

export function run(...command: string[]): string {
  const { stdout, success, stderr } = Bun.spawnSync(command, { stderr: "pipe" });
  if (!success) throw new Error(`${command.join(" ")}: ${stderr.toString()}`);
  return stdout.toString();
}

const said = new Map<string, string>();

/** What a command says of a file that does not change. */
function say(...command: string[]): string {
  const key = command.join(" ");
  const text = said.get(key) ?? run(...command);
  said.set(key, text);
  return text;
}

/** Where a symbol is by `nm`, as a byte of the file by `readelf`. undefined: it is not defined there. */
export function offsetByBinutils(path: string, name: string, dynamic: boolean): number | undefined {
  const lines = say("nm", ...(dynamic ? ["-D"] : []), "--defined-only", path).split("\n");
  const line = lines.find((one) => one.split(" ").at(-1)?.split("@")[0] === name);
  if (line === undefined) return undefined;
  const address = Number.parseInt(line, 16);
  for (const load of say("readelf", "-lW", path).matchAll(/LOAD\s+(\S+) (\S+) \S+ (\S+)/g)) {
    const [at, from, bytes] = [Number(load[1]), Number(load[2]), Number(load[3])];
    if (address >= from && address < from + bytes) return address - from + at;
  }
  return undefined;
}

/** Files that this process's own or other programs map, by a part of the name. undefined: not on this machine. */
export function libraryNamed(name: string): string | undefined {
  for (const folder of ["/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu", "/usr/lib64"]) {
    const path = `${folder}/${name}`;
    if (Bun.spawnSync(["test", "-e", path]).success) return path;
  }
  return undefined;
}
