/** The environment in, what these tests run and how much of it out. */
import { existsSync } from "node:fs";
import { join } from "node:path";

export const ROOT = join(import.meta.dir, "../..");
export const OVERHEAR = process.env["OVERHEAR"] ?? join(ROOT, "dist/overhear");
const ARM64 = process.arch === "arm64";
export const TRAFFIC = join(ROOT, "build/test", ARM64 ? "traffic-arm64" : "traffic");
export const TRAFFIC_32 = join(ROOT, "build/test/traffic32");

/** Set in guests, which are emulated and 30–60 times slower at system calls. */
export const EMULATED = process.env["OVERHEAR_EMULATED"] === "1";
/** What an emulated guest is too slow or too small for. */
export const LACKS_SPEED = EMULATED ? "speed" : undefined;
/** Calls in a row of the matrix. */
export const CALLS = EMULATED ? 7 : 23;
export const PATIENCE_MS = EMULATED ? 180_000 : 30_000;

/** The front end that the environment forces, or both: each is tried, and skipped where the kernel refuses it. */
const forced = process.env["OVERHEAR_ATTACH"];
export const FRONT_ENDS: readonly string[] =
  forced === undefined || forced === "" ? ["fexit", "tracepoint"] : [forced];
/** What a forced or chosen front end is for tests that need only one. */
export const ANY_FRONT_END = forced === undefined || forced === "" ? "auto" : forced;

/** The first feature without which nothing here can run; undefined: all is there. */
export function missing(): string | undefined {
  if (process.getuid?.() !== 0) return "root";
  if (!existsSync(OVERHEAR)) return "overhear (make build)";
  if (!existsSync(TRAFFIC)) return "traffic (test/traffic/build.sh)";
  return undefined;
}

/** Whether the front end can be had: the tool is started with it and either listens or says no. */
export function worksHere(frontEnd: string): boolean {
  if (missing() !== undefined) return false;
  if (frontEnd === "auto" || forced === frontEnd) return true;
  const args = ["--format", "ndjson", "--attach", frontEnd, "--duration", "1s", "--pid", "1"];
  const { exitCode } = Bun.spawnSync([OVERHEAR, ...args], { stdout: "ignore", stderr: "ignore" });
  return exitCode === 0;
}

/** Runs x86 programs of 32 bits: a matter of the kernel's configuration. */
export function runs32Bit(): boolean {
  if (ARM64 || !existsSync(TRAFFIC_32)) return false;
  try {
    return Bun.spawnSync([TRAFFIC_32, "--bad-option"], { stderr: "ignore" }).exitCode === 2;
  } catch {
    return false;
  }
}

/** A test's title that says what it lacks, for the runner's list of skipped ones. */
export function titled(title: string, lacks: string | undefined): string {
  return lacks === undefined ? title : `${title} (skipped: no ${lacks})`;
}
