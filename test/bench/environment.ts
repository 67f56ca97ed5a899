/** Where the bench's programs are, how thorough it is, and what machine it runs on. */
import { mkdirSync, mkdtempSync } from "node:fs";
import { cpus, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";

export const ROOT = join(import.meta.dir, "../..");
export const OVERHEAR = process.env["OVERHEAR"] ?? join(ROOT, "dist/overhear");
const BUILT = join(ROOT, "build/bench");

/** BENCH_QUICK=1: under two minutes, for a look; its numbers are not for docs/cost.md. */
export const QUICK = process.env["BENCH_QUICK"] === "1";

export const WORKSPACE = mkdtempSync(join(tmpdir(), "overhear-bench-"));

export type Program = "load" | "latency" | "pairs" | "consumer" | "web";

export function program(name: Program): string {
  return join(BUILT, name);
}

/** Compiles the C programs; throws with the compiler's words. */
export function compilePrograms(): void {
  mkdirSync(BUILT, { recursive: true });
  const libbpf = ["-Ibpf", "-Ibuild/x64/include"];
  const link = ["build/x64/libbpf.a", "-lelf", "-lz"];
  for (const name of ["load", "latency", "pairs", "consumer", "web"] as const) {
    const isConsumer = name === "consumer";
    const command = ["gcc", "-O2", "-Wall", "-Wextra", "-pthread", "-o", program(name)];
    command.push(
      ...(isConsumer ? libbpf : []),
      `test/bench/${name}.c`,
      ...(isConsumer ? link : []),
    );
    const compiled = Bun.spawnSync(command, { cwd: ROOT, stderr: "pipe" });
    if (!compiled.success) throw new Error(`cannot compile ${name}.c:\n${compiled.stderr}`);
  }
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memory_gib: number;
  readonly kernel: string;
}

export function machine(): Machine {
  const all = cpus();
  return {
    cpu: all[0]?.model ?? "unknown",
    cores: all.length,
    memory_gib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
  };
}

export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
