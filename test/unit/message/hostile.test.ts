import { expect, test } from "bun:test";
import { join } from "node:path";

interface Report {
  readonly name: string;
  readonly before: readonly string[];
  readonly heard: boolean;
  readonly ms: number;
}

test("StdioFraming and MessageStage stay within 400 MB and 10 s on hostile lines and hear what is behind them", async () => {
  const program = Bun.spawn([process.execPath, join(import.meta.dir, "hostile-lines.ts")], {
    stderr: "inherit",
  });
  const output = await new Response(program.stdout).text();
  expect(await program.exited).toBe(0);
  const lines = output.trimEnd().split("\n");
  const peakKb = Number(lines.pop());
  const reports: Report[] = lines.map((line) => JSON.parse(line));
  expect(reports.map(({ name, before, heard }) => [name, before, heard])).toEqual([
    ["200,000 brackets", ["noise"], true],
    ["16 million brackets in params", ["message"], true],
    ["8 million pairs of brackets", ["message"], true],
    ["120 MB without an end", ["line_too_long"], true],
    ["31 MiB of empty objects", ["message"], true],
    ["31 MiB of numbers", ["message"], true],
    ["31 MiB of new keys", ["message"], true],
    ["31 MiB of escapes", ["message"], true],
    ["31 MiB of two-byte characters", ["message"], true],
    ["31 MiB with one wide character", ["message"], true],
    ["31 MiB of a batch", ["memory_limit"], true],
    ["31 MiB of white space", ["message"], true],
    ["31 MiB of quotes", ["noise"], true],
    ["31 MiB of backslashes", ["noise"], true],
    ["a method of 31 MiB", ["message"], true],
    ["a tool's name of 31 MiB", ["message"], true],
    ["an id of 31 MiB", ["message"], true],
  ]);
  expect(reports.filter(({ ms }) => ms > 10_000)).toEqual([]);
  // not wait4's maxrss: that begins with the peak of the process that forked
  expect(peakKb).toBeLessThan(400_000);
}, 60_000);
