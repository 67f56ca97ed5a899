/** Clients that live for some milliseconds, in a program that was never seen before: heard from its second run on. */
import { expect, test } from "bun:test";
import { copyFile } from "node:fs/promises";
import { ends } from "../compare.ts";
import { expectSameExchanges } from "../http/compare.ts";
import { readHttpTruth } from "../http/truth.ts";
import { titled } from "../programs.ts";
import { Workspace } from "../run-client.ts";
import { callsIn, expectNothingElse } from "./compare.ts";
import { CLIENTS, goPoster, missingTls, TRUST } from "./programs.ts";
import { hearsFile, listen, startDeaf } from "./run.ts";

const LIMIT_MS = 60_000;
const RUNS = 23;
const BRIEF_MS = 50;

const lacking = missingTls(CLIENTS["go-stripped"]);
test.skipIf(lacking !== undefined)(
  titled("a program that lives less than 50 ms is heard in its second run and ever after", lacking),
  async () => {
    await using files = await Workspace.create();
    const [original = "", ...rest] = goPoster;
    const program = files.file("never-seen");
    await copyFile(original, program);
    await using server = await startDeaf(files);
    await using listener = await listen(files);
    const run = async (id: number) => {
      const record = files.file(`run-${id}.jsonl`);
      const startMs = performance.now();
      const child = Bun.spawn([program, ...rest, "--url", server.url, "--id", String(id)], {
        env: { ...process.env, ...TRUST, OVERHEAR_RECORD: record },
        stderr: "inherit",
      });
      expect(await child.exited).toBe(0);
      return { pid: child.pid, tookMs: performance.now() - startMs, record };
    };
    await run(0);
    await hearsFile(listener, program);
    const runs: Awaited<ReturnType<typeof run>>[] = [];
    for (let n = 1; n <= RUNS; n++) runs.push(await run(n));
    const heard = await listener.stop();

    // the others may have had to wait for a CPU
    expect(Math.min(...runs.map(({ tookMs }) => tookMs))).toBeLessThan(BRIEF_MS);
    const all = [];
    for (const { pid, record } of runs) {
      const [truth] = await readHttpTruth(record);
      const lines = heard.lines.filter((line) => {
        const { from, to } = ends(line);
        return line["kind"] === "message" && (from === pid || to === pid);
      });
      expectSameExchanges(lines, pid, truth?.messages ?? []);
      expect(new Set(lines.flatMap((line) => Object.values(ends(line))))).toEqual(
        new Set([pid, server.pid]),
      );
      all.push(...lines);
    }
    expect(callsIn(all)).toBe(RUNS);
    expectNothingElse(
      heard,
      runs.map(({ pid }) => pid),
      [],
      all,
    );
  },
  LIMIT_MS,
);
