/** `overhear | jq`, as people have it running: what a peer sends does not end it. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { JQ_1_6, PYTHON_JSON, type Reader } from "../readers/readers.ts";
import { UNFIT_LINES } from "../unit/message/unfit-lines.ts";
import { ANY_FRONT_END, missing, OVERHEAR, PATIENCE_MS, titled } from "./settings.ts";
import { until } from "./until.ts";

setDefaultTimeout(PATIENCE_MS * 4);

const LAST = '{"jsonrpc":"2.0","id":"last","method":"tools/list"}';

/** A shell's pipeline from the tool into a reader. */
class Pipeline implements AsyncDisposable {
  readonly #directory = mkdtempSync(join(tmpdir(), "overhear-readers."));
  readonly #shell: Bun.Subprocess<"ignore", "ignore", "pipe">;

  private constructor({ command, env }: Reader) {
    const script =
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's
      '{ echo $BASHPID >"$1/pid"; exec "$2" --format ndjson -b --attach "$3" 2>"$1/said"; } | "${@:4}" >"$1/read"; exit $?';
    const args = [this.#directory, OVERHEAR, ANY_FRONT_END, ...command];
    this.#shell = Bun.spawn(["bash", "-c", script, "pipeline", ...args], {
      env: { ...Bun.env, ...env },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
  }

  static async start(reader: Reader): Promise<Pipeline> {
    const pipeline = new Pipeline(reader);
    await until(() => pipeline.#file("said").includes("listening"), "listening");
    return pipeline;
  }

  #file(name: string): string {
    const path = join(this.#directory, name);
    return existsSync(path) ? readFileSync(path, "utf8") : "";
  }

  #interrupt(): void {
    if (this.#shell.exitCode === null) process.kill(Number(this.#file("pid")), "SIGINT");
  }

  /** The exit code of the reader, what it said and what it read. */
  async stop() {
    this.#interrupt();
    const [code, stderr] = await Promise.all([this.#shell.exited, this.#shell.stderr.text()]);
    return { code, stderr, read: this.#file("read") };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#interrupt();
    await this.#shell.exited;
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

async function say(...texts: readonly string[]): Promise<void> {
  const reader = Bun.spawn(["cat"], { stdin: "pipe", stdout: "ignore" });
  for (const text of texts) {
    reader.stdin.write(`${text}\n`);
    await reader.stdin.flush();
  }
  await reader.stdin.end();
  await reader.exited;
}

for (const reader of [JQ_1_6, PYTHON_JSON]) {
  const lacks = missing() ?? reader.lacks;
  test.skipIf(lacks !== undefined)(
    titled(`overhear | ${reader.name} reads on behind every message that a peer can send`, lacks),
    async () => {
      await using pipeline = await Pipeline.start(reader);
      const requests = Object.values(UNFIT_LINES).filter(({ text }) => text.includes('"method"'));
      await say(...requests.map(({ text }) => text), LAST);
      const { code, stderr, read } = await pipeline.stop();
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      const texts = read
        .split("\n")
        .filter((line) => line.startsWith("TEXTS "))
        .flatMap((line): (string | null)[] => JSON.parse(line.slice("TEXTS ".length)));
      const expected = requests.flatMap((request) => Object.values(request.texts));
      expect(texts).toEqual(expect.arrayContaining(expected));
      expect(read).toContain("last");
    },
  );
}
