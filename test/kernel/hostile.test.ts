/**
 * Lines made to break a parser, through a real pipe into the real tool: memory stays bounded, what follows is heard, and
 * readers of the output read on.
 */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { createReadStream, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { JQ_1_6, PYTHON_JSON, readBy } from "../readers/readers.ts";
import { GOOD, HOSTILE, pieces } from "../unit/message/hostile-input.ts";
import { assertNdjson } from "../unit/sinks/validate.ts";
import { numberAt } from "./json.ts";
import { ANY_FRONT_END, missing, OVERHEAR, PATIENCE_MS, titled } from "./settings.ts";

setDefaultTimeout(PATIENCE_MS * 4);
const lacks = missing();

function peakKb(pid: number): number {
  return Number(/VmHWM:\s*(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

/** What comes after the tool's output has not grown for a while: it has worked off what it heard. */
async function settled(file: string): Promise<void> {
  for (let quiet = 0, last = -1; quiet < 4; ) {
    await Bun.sleep(100);
    const { size } = statSync(file);
    quiet = size === last ? quiet + 1 : 0;
    last = size;
  }
}

describe.skipIf(lacks !== undefined)(titled("hostile lines", lacks), () => {
  test.each(HOSTILE)(
    "%s: memory stays bounded, and the next good message is heard",
    async (name) => {
      const directory = mkdtempSync(join(tmpdir(), "overhear-hostile."));
      const file = join(directory, "out.ndjson");
      await Bun.write(file, "");
      await using tool = Bun.spawn(
        [OVERHEAR, "--format", "ndjson", "-b", "--attach", ANY_FRONT_END],
        {
          stdin: "ignore",
          stdout: Bun.file(file),
          stderr: "pipe",
        },
      );
      await tool.stderr.getReader().read();
      // Bun's child reads from a Unix socket, as an MCP server under an agent built on Bun does
      const reader = Bun.spawn(["cat"], { stdin: "pipe", stdout: "ignore" });
      let written = 0;
      for (const piece of pieces(name)) {
        reader.stdin.write(piece);
        await reader.stdin.flush();
        written += piece.length;
        // a ring of 16 MiB takes no line of 31 at once on a busy machine: what it does then, loss.test.ts says
        if (written % (4 << 20) < piece.length) await Bun.sleep(10);
      }
      await settled(file);
      const peak = peakKb(tool.pid);
      await reader.stdin.end();
      await reader.exited;
      tool.kill("SIGINT");
      expect(await tool.exited).toBe(0);
      const lacking = [JQ_1_6, PYTHON_JSON].flatMap(({ lacks }) => lacks ?? []);
      expect(lacking).toEqual([]);
      const byJq = await readBy(JQ_1_6, Bun.file(file));
      const byPython = await readBy(PYTHON_JSON, Bun.file(file));
      expect([byJq, byPython].map(({ code, stderr }) => ({ code, stderr }))).toEqual(
        Array(2).fill({ code: 0, stderr: "" }),
      );
      let lines = 0;
      let heard = 0;
      let ringFull = -1;
      for await (const text of createInterface(
        createReadStream(file, { highWaterMark: 1 << 22 }),
      )) {
        const [line] = assertNdjson([text]);
        lines += 1;
        if (line?.["kind"] === "summary") ringFull = numberAt(line, "loss", "ring_full");
        if (line?.["raw"] === GOOD.toString().trim()) heard += 1;
      }
      rmSync(directory, { recursive: true });
      expect({ heard, ringFull }).toEqual({ heard: 1, ringFull: 0 });
      expect([byJq.texts.length, byPython.texts.length]).toEqual([lines, lines]);
      expect(peak).toBeLessThan(400_000);
    },
  );
});
