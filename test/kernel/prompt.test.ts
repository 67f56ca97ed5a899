/** While messages keep coming the tool waits in the kernel: what ends or asks it is noticed all the same, at once. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ANY_FRONT_END, EMULATED, missing, PATIENCE_MS, TRAFFIC, titled } from "./settings.ts";
import { Tool } from "./tool.ts";
import { until } from "./until.ts";

setDefaultTimeout(PATIENCE_MS * 4);
const lacks = missing();
/** What a person takes for at once, the drain and the summary included. */
const PROMPT_MS = EMULATED ? 20_000 : 1_000;

class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "overhear-life."));

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** A client and a server that go on talking until disposed of. */
class Chatter implements Disposable {
  readonly #folder = new Folder();
  readonly #process: Bun.Subprocess;

  /** `rate`: calls a second. */
  constructor(rate: number) {
    const args = ["--log", this.#folder.path, "--rate", String(rate), "--messages", "1000000"];
    // its server ends when it does
    this.#process = Bun.spawn([TRAFFIC, ...args], { stdin: "ignore", stdout: "ignore" });
  }

  [Symbol.dispose](): void {
    this.#process.kill("SIGKILL");
    this.#folder[Symbol.dispose]();
  }
}

async function startHearing(...args: readonly string[]): Promise<Tool> {
  const tool = await Tool.start("--attach", ANY_FRONT_END, ...args);
  await tool.writes((text) => text.split("\n").length > 10);
  return tool;
}

/** Calls a second: the tool naps between batches; it waits for one message after the other. */
describe.skipIf(lacks !== undefined).each([1000, 20])(
  titled("at %d calls a second", lacks),
  (rate) => {
    test.each(["SIGINT", "SIGTERM"] as const)("%s ends the run at once", async (signal) => {
      using _chatter = new Chatter(rate);
      await using tool = await startHearing();
      const begun = performance.now();
      const { exitCode, summary } = await tool.stop(signal);
      expect({ exitCode, by: summary["ended_by"] }).toEqual({ exitCode: 0, by: "signal" });
      expect(performance.now() - begun).toBeLessThan(PROMPT_MS);
    });

    test("--duration ends the run when it is over", async () => {
      using _chatter = new Chatter(rate);
      await using tool = await Tool.start("--attach", ANY_FRONT_END, "--duration", "2s");
      const begun = performance.now();
      const { summary } = await tool.ended();
      expect(summary["ended_by"]).toBe("duration");
      expect(performance.now() - begun).toBeLessThan(2_000 + PROMPT_MS);
    });

    test("the end of the command ends the run at once", async () => {
      using folder = new Folder();
      // what it leaves behind goes on talking
      const script =
        'timeout 5 "$0" --log "$1" --rate "$2" --messages 1000000 >/dev/null 2>&1 & sleep 2';
      const command = ["sh", "-c", script, TRAFFIC, folder.path, String(rate)];
      const begun = performance.now();
      await using tool = await Tool.start("run", "--attach", ANY_FRONT_END, "--", ...command);
      const { summary, lines } = await tool.ended();
      expect(summary["ended_by"]).toBe("command_exited");
      expect(lines.length).toBeGreaterThan(10);
      expect(performance.now() - begun).toBeLessThan(3_000 + PROMPT_MS);
    });

    test("SIGHUP opens the file anew at once", async () => {
      using _chatter = new Chatter(rate);
      using folder = new Folder();
      const file = join(folder.path, "out.ndjson");
      await using tool = await startHearing("-o", file);
      renameSync(file, `${file}.1`);
      const begun = performance.now();
      tool.kill("SIGHUP");
      await until(() => existsSync(file), "a new file");
      expect(performance.now() - begun).toBeLessThan(PROMPT_MS);
      await tool.stop();
    });
  },
);
