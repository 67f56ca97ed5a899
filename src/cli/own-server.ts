/** A process in, whether it is a server of overhear itself (overhear mcp) out: what is asked of it is not its history. */
import { readlinkSync } from "node:fs";
import { basename } from "node:path";
import type { Process } from "../capture/types.ts";

/** By the program that runs, not by what it calls itself: a server that took our name would be heard all the same. */
export function isOwnServer({ pid, commandLine }: Process): boolean {
  const own = programOf("self");
  const [first, ...others] = commandLine;
  if (own === undefined || first === undefined) return false;
  // one that has ended already is known by its name alone: it has said what it had to say within milliseconds
  const isOurs = programOf(String(pid)) ?? (basename(first) === basename(own) ? own : undefined);
  if (isOurs !== own) return false;
  // from the sources the program is bun, and what it runs is its first argument
  const isCompiled = import.meta.path.startsWith("/$bunfs/");
  if (!isCompiled && others.shift() !== process.argv[1]) return false;
  return others.find((word) => !word.startsWith("-")) === "mcp";
}

function programOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return undefined;
  }
}
