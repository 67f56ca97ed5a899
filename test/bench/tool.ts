/** Starts what is measured (overhear, or the C reference), waits until it listens, stops it, says what it counted. */
import { readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { YOUNG_MS } from "../../src/live/niceness.ts";
import { at, numberAt, parseObject } from "../e2e/json.ts";
import { cpuTimeOf } from "./cpu-time.ts";
import { OVERHEAR, program, ROOT, WORKSPACE } from "./environment.ts";
import { probedIn } from "./probed.ts";

export type FrontEnd = "fexit" | "tracepoint";
/** Where its standard output goes; a pipe is read by `tail`, which keeps only the end. */
export type Output = "file" | "pipe" | "null";

/** What it says of runs of load.c, besides the generator's own count. */
export interface Count {
  /** Messages of all runs of load.c: for overhear the finished calls of bench-server, both halves. */
  readonly messages: number;
  /** Anything lost, whatever the unit; 0 means nothing. */
  readonly lost: number;
}

export interface Tool {
  readonly name: string;
  /** What it says once it hears all that is measured; without: that it listens. */
  readonly ready?: string;
  /** What could cost least in its place; without: `least`. */
  readonly least?: Tool;
  command(frontEnd: FrontEnd): string[];
  count(output: string, stderr: string, runs: number): Count;
}

/**
 * What load.c's channels can lose. The other reasons (unread, unseen_read, …) come from other programs of
 * this host; a message of ours that they touched would be missing from the count.
 */
const OUR_LOSSES = ["ring_full", "fault", "call_too_large", "cut_by_gap", "memory_limit"] as const;

export const overhear: Tool = {
  name: "overhear",
  command: (frontEnd) => [OVERHEAR, "--format", "ndjson", "--attach", frontEnd],
  count: (output, _stderr, runs) => {
    const summary = parseObject(output.trimEnd().split("\n").at(-1) ?? "");
    const calls = summary["calls"];
    const ours = Array.isArray(calls)
      ? calls.filter((call: unknown) => at(call, "server") === "bench-server")
      : [];
    const finished = ours.reduce((sum: number, call: unknown) => sum + numberAt(call, "calls"), 0);
    const inexact = summary["exact"] === true ? 0 : 1;
    const lost = OUR_LOSSES.reduce((sum, reason) => sum + numberAt(summary, "loss", reason), 0);
    // Every call is two messages; one more a run is notifications/initialized.
    return { messages: 2 * finished + runs, lost: lost + inexact };
  },
};

export const connectionsTool: Tool = {
  ...overhear,
  name: "overhear connections",
  command: (frontEnd) => [OVERHEAR, "connections", "--format", "ndjson", "--attach", frontEnd],
};

export const consumer: Tool = {
  name: "C reference",
  command: (frontEnd) => [program("consumer"), join(ROOT, "build/x64/overhear.bpf.o"), frontEnd],
  count: (_output, stderr) => {
    const counted = parseObject(stderr.trimEnd().split("\n").at(-1) ?? "");
    return { messages: numberAt(counted, "messages"), lost: numberAt(counted, "lost") };
  },
};

/** An empty program where the tracepoint front end has its own. */
export const least: Tool = {
  name: "an empty program",
  command: () => [program("least")],
  count: () => ({ messages: 0, lost: 0 }),
};

/** For what speaks TLS by the shared OpenSSL of the system. */
export const overhearTls: Tool = {
  ...overhear,
  ready: '/libssl.so.3"',
  command: (frontEnd) => [...overhear.command(frontEnd), "--verbose"],
  least: {
    ...least,
    command: () => {
      const { library, offsets } = probedIn(program("web"));
      return [...least.command("tracepoint"), library, ...offsets.map(String)];
    },
  },
};

/** So long after its start, and a second after much has come, overhear hurries. */
export const CALM_MS = YOUNG_MS + 1000;

const PATIENCE_MS = 15_000;
const KEPT_BYTES = 64 << 20;
let started = 0;

export class Running implements AsyncDisposable {
  readonly #tool: Tool;
  readonly #process: Bun.Subprocess<"ignore", "inherit" | Bun.BunFile, "pipe">;
  readonly #reader: Bun.Subprocess | undefined;
  readonly #file: string;
  #stderr = "";
  readonly #stderrDone: Promise<void>;
  /** From its start until it listened, and until it was ready. */
  listeningMs = 0;
  readyMs = 0;

  /** Resolves once it is ready; throws with what it said when it does not get so far. */
  static async start(tool: Tool, frontEnd: FrontEnd, output: Output): Promise<Running> {
    const begun = performance.now();
    const running = new Running(tool, frontEnd, output);
    const deadline = Date.now() + PATIENCE_MS;
    while (!running.#isReady(begun)) {
      if (running.#process.exitCode !== null || Date.now() > deadline) {
        await running[Symbol.asyncDispose]();
        throw new Error(`${tool.name} (${frontEnd}) does not get ready: ${running.#stderr.trim()}`);
      }
      await Bun.sleep(1);
    }
    return running;
  }

  private constructor(tool: Tool, frontEnd: FrontEnd, output: Output) {
    this.#tool = tool;
    this.#file = output === "null" ? "/dev/null" : join(WORKSPACE, `out-${started++}`);
    this.#reader = output === "pipe" ? readEnd(this.#file) : undefined;
    const target = output === "pipe" ? `${this.#file}.pipe` : this.#file;
    // The shell opens a named pipe for it, then becomes the tool: its pid is the tool's.
    const words = ["sh", "-c", 'out=$1; shift; exec "$@" >"$out"', "sh", target];
    this.#process = Bun.spawn([...words, ...tool.command(frontEnd)], {
      stdin: "ignore",
      stdout: "inherit",
      stderr: "pipe",
    });
    this.#stderrDone = this.#collect();
  }

  get pid(): number {
    return this.#process.pid;
  }

  #isReady(begun: number): boolean {
    const { ready } = this.#tool;
    if (this.listeningMs === 0) {
      if (!this.#stderr.includes("listening")) return false;
      this.listeningMs = performance.now() - begun;
    }
    if (ready !== undefined && !this.#stderr.includes(ready)) return false;
    this.readyMs = performance.now() - begun;
    return true;
  }

  async #collect(): Promise<void> {
    for await (const text of this.#process.stderr.pipeThrough(new TextDecoderStream())) {
      this.#stderr += text;
    }
  }

  /** CPU time of all its threads so far, also of those that have ended, ns. */
  cpuNs(): number {
    return cpuTimeOf(this.pid);
  }

  /** Resolves when it has worked off what it holds: its CPU time stands still. */
  async settled(): Promise<void> {
    let last = this.cpuNs();
    for (let polls = 0; polls < 500; polls++) {
      await Bun.sleep(20);
      const now = this.cpuNs();
      if (now - last < 200_000) return;
      last = now;
    }
  }

  /** Resident memory, MB: now, its peak so far, and what of it is its own (not shared, not mapped). */
  memory(): { readonly now: number; readonly peak: number; readonly own: number } {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    const field = (name: string) =>
      Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? Number.NaN) / 1024;
    return { now: field("VmRSS"), peak: field("VmHWM"), own: field("RssAnon") };
  }

  /** SIGINT; resolves with its count of so many runs of load.c when it has ended. */
  async stop(runs = 1): Promise<Count> {
    this.#process.kill("SIGINT");
    await this.#process.exited;
    await this.#stderrDone;
    await this.#reader?.exited;
    const kept = this.#file === "/dev/null" ? "" : await endOf(this.#file);
    this.#remove();
    return this.#tool.count(kept, this.#stderr, runs);
  }

  #remove(): void {
    if (this.#file === "/dev/null") return;
    rmSync(this.#file, { force: true });
    rmSync(`${this.#file}.pipe`, { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      this.#process.kill("SIGKILL");
      await this.#process.exited;
    }
    this.#reader?.kill();
    this.#remove();
  }
}

async function endOf(file: string): Promise<string> {
  const from = Math.max(0, statSync(file).size - KEPT_BYTES);
  return await Bun.file(file).slice(from).text();
}

/** A named pipe beside `file`, and a reader that puts the last of what comes through it into `file`. */
function readEnd(file: string): Bun.Subprocess {
  Bun.spawnSync(["mkfifo", `${file}.pipe`]);
  const script = 'exec tail -c "$1" <"$2.pipe" >"$2"';
  return Bun.spawn(["sh", "-c", script, "sh", String(KEPT_BYTES), file], { stdin: "ignore" });
}

/** The front ends that this kernel lets attach. */
export async function availableFrontEnds(tool: Tool): Promise<FrontEnd[]> {
  const available: FrontEnd[] = [];
  for (const frontEnd of ["fexit", "tracepoint"] as const) {
    try {
      await using _probe = await Running.start(tool, frontEnd, "null");
      available.push(frontEnd);
    } catch {
      // Not on this kernel; the report names those that were measured.
    }
  }
  return available;
}
