/** Where the bench's programs are, how thorough it is, and what machine it runs on. */
import { mkdirSync, mkdtempSync } from "node:fs";
import { cpus, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";

export const ROOT = join(import.meta.dir, "../..");
export const OVERHEAR = process.env["OVERHEAR"] ?? join(ROOT, "dist/overhear");
const BUILT = join(ROOT, "build/bench");

/** BENCH_QUICK=1: some minutes, for a look; its numbers are not for docs/cost.md. */
export const QUICK = process.env["BENCH_QUICK"] === "1";

export const WORKSPACE = mkdtempSync(join(tmpdir(), "overhear-bench-"));

export type Program = "load" | "latency" | "pairs" | "consumer" | "web" | "rush" | "least";

const LIBBPF = ["-Ibpf", "-Ibuild/x64/include", "build/x64/libbpf.a", "-lelf", "-lz"];
/** Sources and libraries, in the order that the linker wants. */
const SOURCES: Readonly<Record<Program, readonly string[]>> = {
  load: ["test/bench/load.c"],
  latency: ["test/bench/latency.c"],
  pairs: ["test/bench/pairs.c"],
  consumer: ["test/bench/consumer.c", ...LIBBPF],
  web: ["test/bench/web.c", "-lssl", "-lcrypto"],
  rush: ["test/traffic/rush.c"],
  least: ["test/bench/least.c"],
};

export function program(name: Program): string {
  return join(BUILT, name);
}

/** Compiles the C programs; throws with the compiler's words. */
export function compilePrograms(): void {
  mkdirSync(BUILT, { recursive: true });
  for (const [name, sources] of Object.entries(SOURCES)) {
    const output = join(BUILT, name);
    const command = ["gcc", "-O2", "-Wall", "-Wextra", "-pthread", "-o", output, ...sources];
    const compiled = Bun.spawnSync(command, { cwd: ROOT, stderr: "pipe" });
    if (!compiled.success) throw new Error(`cannot compile ${name}:\n${compiled.stderr}`);
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
