/** Options of test/traffic in, a running conversation out; when it is over, its truth. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PATIENCE_MS, TRAFFIC } from "./settings.ts";
import { readTruth, type Truth } from "./truth.ts";

const UNSUPPORTED = 77;

export class Traffic {
  readonly #directory = mkdtempSync(join(tmpdir(), "overhear-truth."));
  readonly #process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #ended: Promise<void>;
  #output = "";

  /** `wrapper`: a command that runs the one behind it. */
  constructor(args: readonly string[], program = TRAFFIC, wrapper: readonly string[] = []) {
    this.#process = Bun.spawn([...wrapper, program, "--log", this.#directory, ...args], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: PATIENCE_MS * 4,
      killSignal: "SIGKILL",
    });
    this.#ended = this.#collect();
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** The client and the server of a conversation that holds. */
  get ends(): { readonly client: number; readonly server: number } {
    const said = /"client":(\d+),"server":(\d+)/.exec(this.#output);
    return { client: Number(said?.[1]), server: Number(said?.[2]) };
  }

  async #collect(): Promise<void> {
    for await (const text of this.#process.stdout.pipeThrough(new TextDecoderStream())) {
      this.#output += text;
    }
  }

  /** Both ends stand where --hold wants them. */
  async held(): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!this.#output.includes('"holding"')) {
      if (this.#process.exitCode !== null || Date.now() > deadline) {
        throw new Error(`traffic does not hold: ${this.#output}`);
      }
      await Bun.sleep(2);
    }
  }

  go(): void {
    this.#process.kill("SIGUSR1");
  }

  /** Undefined: this kernel lacks one of the calls. */
  async over(): Promise<Truth | undefined> {
    const [complaint, code] = await Promise.all([
      this.#process.stderr.text(),
      this.#process.exited,
      this.#ended,
    ]);
    const truth = code === 0 ? readTruth(this.#directory) : undefined;
    rmSync(this.#directory, { recursive: true });
    if (code !== 0 && code !== UNSUPPORTED)
      throw new Error(`traffic ended with ${code}: ${complaint}`);
    return truth;
  }
}

/** One conversation from start to end. */
export async function talk(
  args: readonly string[],
  program = TRAFFIC,
  wrapper: readonly string[] = [],
): Promise<Truth> {
  const truth = await new Traffic(args, program, wrapper).over();
  if (truth === undefined) throw new Error(`this kernel lacks a call of: ${args.join(" ")}`);
  return truth;
}
