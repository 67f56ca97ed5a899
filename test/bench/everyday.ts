/** What listening costs at the rates that people have: CPU, all threads together, beside the C reference. */
import { QUICK, say } from "./environment.ts";
import { generate } from "./load.ts";
import { type Measured, measured } from "./statistics.ts";
import { consumer, type FrontEnd, overhear, Running, type Tool } from "./tool.ts";

/** Messages a second: requests and their answers, evenly spaced. */
const RATES = [10, 100, 1000, 5000, 20_000] as const;
const SIZE = 1024;
const ROUNDS = QUICK ? 1 : 5;
const SECONDS = QUICK ? 3 : 10;
/** Who listens all day is compiled: JIT threads take a minute to have seen enough. */
const WARM_UP = { size: SIZE, rate: 20_000, messages: QUICK ? 60_000 : 400_000, isEveryday: true };

export interface Everyday {
  readonly front_end: FrontEnd;
  readonly tool: string;
  readonly rate: number;
  /** Of one core. */
  readonly cpu_percent: Measured;
}

/** At an everyday pace other code runs than in a burst, and is compiled later: what comes first is not measured. */
async function percentAt(running: Running, rate: number): Promise<number> {
  const messages = 2 * Math.ceil((rate * SECONDS) / 2);
  await generate({ size: SIZE, rate, messages, isEveryday: true });
  const before = running.cpuNs();
  const begun = performance.now();
  await generate({ size: SIZE, rate, messages, isEveryday: true });
  const spentMs = (running.cpuNs() - before) / 1e6;
  return (100 * spentMs) / (performance.now() - begun);
}

async function oneRound(tool: Tool, frontEnd: FrontEnd): Promise<number[]> {
  await using running = await Running.start(tool, frontEnd, "file");
  await generate(WARM_UP);
  await Bun.sleep(1000);
  const percents: number[] = [];
  for (const rate of RATES) percents.push(await percentAt(running, rate));
  return percents;
}

/** The tools take turns, so that a machine that grows slow is slow for both. */
export async function everydayCost(frontEnd: FrontEnd): Promise<Everyday[]> {
  const tools = [overhear, consumer];
  const rounds = tools.map((): number[][] => []);
  for (let i = 0; i < ROUNDS; i++) {
    for (const [index, tool] of tools.entries()) {
      rounds[index]?.push(await oneRound(tool, frontEnd));
    }
  }
  return tools.flatMap((tool, index) =>
    RATES.map((rate, column) => {
      const percents = (rounds[index] ?? []).map((each) => each[column] ?? Number.NaN);
      const row = { front_end: frontEnd, tool: tool.name, rate, cpu_percent: measured(percents) };
      say(`  ${tool.name} at ${rate}/s: ${row.cpu_percent.median} %`);
      return row;
    }),
  );
}
