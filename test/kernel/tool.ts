/** Arguments in, a running overhear that listens out; when it is stopped, its lines, each checked by the schema. */
import {
  closeSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assertNdjsonText } from "../unit/sinks/validate.ts";
import { type Json, textAt } from "./json.ts";
import { OVERHEAR, PATIENCE_MS } from "./settings.ts";
import { talk } from "./traffic.ts";

let caughtUpCount = 0;

export interface Heard {
  readonly lines: readonly Json[];
  readonly summary: Json;
  readonly exitCode: number | null;
  readonly stderr: string;
}

export class Tool implements AsyncDisposable {
  readonly #directory = mkdtempSync(join(tmpdir(), "overhear-heard."));
  readonly #process: Bun.Subprocess<"ignore", Bun.BunFile, "pipe">;
  readonly #said: Promise<void>;
  #stderr = "";

  /** `args` come after `--format ndjson -b`; stdout is a file. */
  static start(...args: readonly string[]): Promise<Tool> {
    return Tool.#begin(["--format", "ndjson", "-b", ...args]);
  }

  /** `overhear connections`. */
  static watch(...args: readonly string[]): Promise<Tool> {
    return Tool.#begin(["connections", "--format", "ndjson", ...args]);
  }

  /** As `start`, by a command that becomes the one that stands behind it. */
  static startBy(command: readonly string[], ...args: readonly string[]): Promise<Tool> {
    return Tool.#begin(["--format", "ndjson", "-b", ...args], command);
  }

  static async #begin(args: readonly string[], by: readonly string[] = []): Promise<Tool> {
    const tool = new Tool(args, by);
    await tool.says("listening");
    return tool;
  }

  private constructor(args: readonly string[], by: readonly string[]) {
    this.#process = Bun.spawn([...by, OVERHEAR, ...args], {
      stdin: "ignore",
      stdout: Bun.file(this.file),
      stderr: "pipe",
    });
    this.#said = this.#collect();
  }

  get file(): string {
    return join(this.#directory, "out.ndjson");
  }

  get pid(): number {
    return this.#process.pid;
  }

  async #collect(): Promise<void> {
    for await (const text of this.#process.stderr.pipeThrough(new TextDecoderStream())) {
      this.#stderr += text;
    }
  }

  /** Waits until stderr holds the text. */
  async says(text: string): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!this.#stderr.includes(text)) {
      if (this.#process.exitCode !== null || Date.now() > deadline) {
        await this[Symbol.asyncDispose]();
        throw new Error(`overhear does not say "${text}": ${this.#stderr}`);
      }
      await Bun.sleep(5);
    }
  }

  /** Waits until a line of the output so far fulfils the condition. */
  async writes(condition: (text: string) => boolean): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!condition(readFileSync(this.file, "utf8"))) {
      if (Date.now() > deadline) throw new Error("overhear does not write what is waited for");
      await Bun.sleep(20);
    }
  }

  /** Says something of its own, and waits until the tool has written that: all that was said before is written, too. */
  async caughtUp(program?: string): Promise<void> {
    caughtUpCount += 1;
    const tag = `caught-up-${caughtUpCount}-`;
    await talk(["--messages", "1", "--tag", tag], program);
    const deadline = Date.now() + PATIENCE_MS;
    // an answer that the ring had no room for will never come: the row's own check says so
    while (!this.#endsWith(tag) && Date.now() < deadline) await Bun.sleep(10);
  }

  #endsWith(tag: string): boolean {
    const file = openSync(this.file, "r");
    const { size } = fstatSync(file);
    const tail = Buffer.alloc(Math.min(size, 1 << 16));
    readSync(file, tail, 0, tail.length, size - tail.length);
    closeSync(file);
    return tail.includes(tag);
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Waits until it ends by itself. */
  async ended(): Promise<Heard> {
    const exitCode = await this.#process.exited;
    await this.#said;
    const lines = assertNdjsonText(readFileSync(this.file, "utf8"));
    rmSync(this.#directory, { recursive: true, force: true });
    const summary = lines.at(-1);
    if (summary === undefined || textAt(summary, "kind") !== "summary") {
      throw new Error(`the last line is no summary; exit code ${exitCode}; ${this.#stderr}`);
    }
    return { lines, summary, exitCode, stderr: this.#stderr };
  }

  stop(signal: NodeJS.Signals = "SIGINT"): Promise<Heard> {
    this.#process.kill(signal);
    return this.ended();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      this.#process.kill("SIGCONT");
      this.#process.kill("SIGKILL");
      await this.#process.exited;
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
