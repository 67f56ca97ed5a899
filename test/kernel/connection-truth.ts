/** test/traffic/outcomes.py at work: what its processes saw of their connections, and what overhear said of them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { at, type Json, listAt, numberAt, parseObject, textAt } from "./json.ts";
import { ROOT } from "./settings.ts";

const OUTCOMES = join(ROOT, "test/traffic/outcomes.py");
export const PYTHON = Bun.which("python3");

export interface Seen {
  readonly case: string;
  readonly pid: number;
  readonly truth: Json;
}

/** Runs all cases; `wrapper`: a command that runs it elsewhere. @throws when one fails */
export async function runCases(
  wrapper: readonly string[] = [],
  addresses: readonly string[] = [],
): Promise<ReadonlyMap<string, Seen>> {
  const directory = mkdtempSync(join(tmpdir(), "oh-conn."));
  const command = [...wrapper, PYTHON ?? "python3", OUTCOMES, directory, ...addresses];
  const process = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [code, out, errors] = await Promise.all([
    process.exited,
    process.stdout.text(),
    process.stderr.text(),
  ]);
  rmSync(directory, { recursive: true, force: true });
  if (code !== 0) throw new Error(`outcomes.py: ${errors}`);
  const seen = out
    .trim()
    .split("\n")
    .map((line) => parseObject(line))
    .map((truth) => ({ case: textAt(truth, "case"), pid: numberAt(truth, "pid"), truth }));
  return new Map(seen.map((each) => [each.case, each]));
}

/** Lines about connections of one process, in order. */
export function linesOf(lines: readonly Json[], pid: number, direction = "outgoing"): Json[] {
  return lines.filter(
    (line) =>
      at(line, "kind") === "connection" &&
      at(line, "direction") === direction &&
      numberAt(line, "process", "pid") === pid,
  );
}

/** "127.0.0.1:80" of an end in a line. */
export function endIn(line: Json | undefined, key: "local" | "remote"): string | undefined {
  const end = at(line, key);
  return end === undefined ? undefined : `${textAt(end, "address")}:${numberAt(end, "port")}`;
}

/** The same of what a program saw; IPv4 inside IPv6 is IPv4. */
export function endOf(truth: Json, key: "local" | "remote"): string | undefined {
  if (at(truth, key) === undefined) return undefined;
  const [address, port] = listAt(truth, key);
  return `${String(address).replace("::ffff:", "")}:${String(port)}`;
}
