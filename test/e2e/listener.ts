/** Starts overhear as a user would, waits until it listens, stops it, and gives its lines, each checked. */

import { readFile } from "node:fs/promises";
import { EMULATED } from "../kernel/settings.ts";
import { assertNdjsonText } from "../unit/sinks/validate.ts";
import type { JsonObject } from "./json.ts";
import { OVERHEAR } from "./programs.ts";

const PATIENCE_MS = EMULATED ? 120_000 : 20_000;

export interface Heard {
  /** Every NDJSON line, in order. */
  readonly lines: readonly JsonObject[];
  /** The same lines as text. */
  readonly texts: readonly string[];
  readonly summary: JsonObject;
  readonly exitCode: number;
  readonly stderr: string;
}

export class Listener implements AsyncDisposable {
  readonly #process: Bun.Subprocess<"ignore", Bun.BunFile, "pipe">;
  readonly file: string;
  #stderr = "";
  #stderrDone: Promise<void>;

  /** `file` gets stdout; further arguments come after `--format ndjson -b`. */
  static async start(file: string, ...more: readonly string[]): Promise<Listener> {
    const listener = new Listener(file, more);
    const deadline = Date.now() + PATIENCE_MS;
    while (!listener.#stderr.includes("listening")) {
      if (listener.#process.exitCode !== null || Date.now() > deadline) {
        throw new Error(`overhear does not listen: ${listener.#stderr}`);
      }
      await Bun.sleep(5);
    }
    return listener;
  }

  private constructor(file: string, more: readonly string[]) {
    this.file = file;
    const attach = process.env["OVERHEAR_ATTACH"];
    const how = attach === undefined || attach === "" ? [] : ["--attach", attach];
    this.#process = Bun.spawn([OVERHEAR, "--format", "ndjson", "-b", ...how, ...more], {
      stdin: "ignore",
      stdout: Bun.file(file),
      stderr: "pipe",
    });
    this.#stderrDone = this.#collect();
  }

  get pid(): number {
    return this.#process.pid;
  }

  async #collect(): Promise<void> {
    for await (const text of this.#process.stderr.pipeThrough(new TextDecoderStream())) {
      this.#stderr += text;
    }
  }

  /** Resolves when it has said this on stderr. */
  async says(text: RegExp): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!text.test(this.#stderr)) {
      if (Date.now() > deadline) throw new Error(`overhear says no ${text}: ${this.#stderr}`);
      await Bun.sleep(5);
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** SIGINT; resolves when all is written. Every line is valid, the last one is the summary. */
  async stop(): Promise<Heard> {
    this.#process.kill("SIGINT");
    const exitCode = await this.#process.exited;
    await this.#stderrDone;
    return { ...(await readLines(this.file)), exitCode, stderr: this.#stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill("SIGCONT");
    this.#process.kill("SIGKILL");
    await this.#process.exited;
  }
}

async function readLines(file: string): Promise<Pick<Heard, "lines" | "texts" | "summary">> {
  const text = await readFile(file, "utf8");
  const lines = assertNdjsonText(text);
  const summary = lines.at(-1);
  if (summary?.["kind"] !== "summary") {
    throw new Error(`the last line is no summary: ${text.slice(-300)}`);
  }
  return { lines, texts: text.trimEnd().split("\n"), summary };
}
