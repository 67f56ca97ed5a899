/**
 * `make bench`: measures, prints a table, writes results.json. BENCH_QUICK=1 for a look; V=1 shows every trial.
 * `run.ts cost` (what a guest runs, emulated.ts): only what the traced programs pay, as one line of JSON.
 */
import { rmSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { analysisTimes } from "./analysis.ts";
import { askingTimes } from "./asking.ts";
import { connectCosts } from "./connects.ts";
import { addedCost } from "./cost.ts";
import { delayAt } from "./delay.ts";
import { discovery } from "./discovery.ts";
import { emulatedCost } from "./emulated.ts";
import { compilePrograms, machine, QUICK, say, WORKSPACE } from "./environment.ts";
import { everydayCost } from "./everyday.ts";
import { footprint } from "./footprint.ts";
import { generate } from "./load.ts";
import { type Generator, highestRate } from "./rate.ts";
import { printReport, type RateResult, type Results } from "./report.ts";
import { measured, round } from "./statistics.ts";
import { availableFrontEnds, consumer, type FrontEnd, overhear } from "./tool.ts";
import { generateWeb, webCosts } from "./web.ts";

const SIZES = [200, 1024, 16_384, 1_048_576] as const;
/** Where the search begins, messages a second; the second and later rounds begin at what was found. */
const FIRST_GUESS: Readonly<Record<number, number>> = {
  200: 200_000,
  1024: 150_000,
  16384: 20_000,
  1048576: 200,
};
const ROUNDS = QUICK ? 1 : 3;

const SUBJECTS = [
  { tool: overhear, output: "file" },
  { tool: overhear, output: "pipe" },
  { tool: consumer, output: "file" },
] as const;

const STDIO: Generator = { generate, notifications: 1 };
const HTTP: Generator = { generate: generateWeb, notifications: 50 };

async function rates(
  frontEnd: FrontEnd,
  transport: RateResult["transport"],
  subjects: readonly (typeof SUBJECTS)[number][],
  sizes: readonly number[],
): Promise<RateResult[]> {
  const results: RateResult[] = [];
  const generator = transport === "http" ? HTTP : STDIO;
  for (const size of sizes) {
    const found = subjects.map((): { rate: number; cpu: number; limit: boolean }[] => []);
    for (let i = 0; i < ROUNDS; i++) {
      for (const [index, { tool, output }] of subjects.entries()) {
        const guess = found[index]?.at(-1)?.rate || (FIRST_GUESS[size] ?? 1000);
        const best = await highestRate(tool, frontEnd, output, size, guess, generator);
        found[index]?.push({
          rate: best.rate,
          cpu: best.cpuNsPerMessage,
          limit: best.generatorIsLimit,
        });
      }
    }
    for (const [index, { tool, output }] of subjects.entries()) {
      const rounds = found[index] ?? [];
      const result: RateResult = {
        front_end: frontEnd,
        tool: tool.name,
        transport,
        output,
        size,
        messages_per_s: measured(rounds.map((each) => Math.round(each.rate))),
        cpu_ns_per_message: measured(rounds.map((each) => each.cpu)),
        generator_is_limit: rounds.some((each) => each.limit),
      };
      results.push(result);
      say(`  ${tool.name} ${transport} ${output} ${size} B: ${result.messages_per_s.median}/s`);
    }
  }
  return results;
}

async function measureAll(frontEnds: readonly FrontEnd[]): Promise<Results> {
  const begun = performance.now();
  say("added cost");
  const cost = await addedCost(frontEnds);
  say("HTTP, plain and inside TLS, with and without the tool");
  const web = await webCosts(frontEnds);
  say("short connections with and without the tool");
  const connects = await connectCosts(frontEnds);
  say("looking through a program for TLS");
  const analysis = await analysisTimes();
  say("tools of overhear mcp");
  const asked = await askingTimes();
  const isRefused = frontEnds.length < 2;
  if (isRefused) say("added cost under both front ends, in an emulated guest");
  const emulated = isRefused ? await emulatedCost() : undefined;
  const results: Results = {
    machine: machine(),
    quick: QUICK,
    front_ends: frontEnds,
    cost,
    web,
    connects,
    analysis,
    asked,
    emulated,
    rates: [],
    everyday: [],
    delays: [],
    footprints: [],
    discoveries: [],
    minutes: 0,
  };
  for (const frontEnd of frontEnds) {
    say(`highest rate without loss (${frontEnd})`);
    const found = await rates(frontEnd, "stdio", SUBJECTS, SIZES);
    const overHttp = await rates(frontEnd, "http", SUBJECTS.slice(0, 1), [200, 1024]);
    results.rates.push(...found, ...overHttp);
    say(`CPU at everyday rates (${frontEnd})`);
    results.everyday.push(...(await everydayCost(frontEnd)));
    say(`delay (${frontEnd})`);
    for (const rate of [10, 1000]) {
      results.delays.push({ front_end: frontEnd, rate, ...(await delayAt(frontEnd, rate)) });
    }
    say(`finding TLS libraries (${frontEnd})`);
    results.discoveries.push({ front_end: frontEnd, ...(await discovery(frontEnd)) });
    say(`footprint (${frontEnd})`);
    const small = found.find((each) => each.tool === overhear.name && each.size === 200);
    const steady = Math.min(150_000, 0.6 * (small?.messages_per_s.median ?? 100_000));
    results.footprints.push({ front_end: frontEnd, ...(await footprint(frontEnd, steady)) });
  }
  return { ...results, minutes: round((performance.now() - begun) / 60_000) };
}

compilePrograms();
try {
  const frontEnds = await availableFrontEnds(overhear);
  if (frontEnds.length === 0)
    throw new Error("overhear listens by no front end here: see overhear doctor");
  if (process.argv[2] === "cost") {
    say(JSON.stringify({ kernel: release(), cost: await addedCost(frontEnds) }));
  } else {
    const results = await measureAll(frontEnds);
    const file = join(import.meta.dir, QUICK ? "results-quick.json" : "results.json");
    await Bun.write(file, `${JSON.stringify(results, undefined, 2)}\n`);
    printReport(results);
    say(`\nwritten to ${file}`);
  }
} finally {
  rmSync(WORKSPACE, { recursive: true, force: true });
}
