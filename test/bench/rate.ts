/** The highest message rate at which nothing is lost, and the CPU at half of it: for a tool, a message size and an output. */
import { QUICK, say } from "./environment.ts";
import type { Load, Sent } from "./load.ts";
import { type FrontEnd, type Output, Running, type Tool } from "./tool.ts";

const SECONDS = QUICK ? 0.7 : 2;
/** Sent before, at a quarter of the rate: a tool that has just started is still being compiled. */
const WARM_UP_MESSAGES = 100_000;
const WARM_UP_BYTES = 50e6;
const MOST_BYTES = 1.5e9;
/** CPU is measured at this share of the highest rate, of a tool that is compiled: the longer messages are, the later it is. */
const STEADY_SHARE = 0.5;
const STEADY_SECONDS = QUICK ? 5 : 10;
const MOST_STEPS = QUICK ? 6 : 12;
/** The search ends when loss begins less than so much above what was clean. */
const PRECISION = QUICK ? 1.2 : 1.06;
/** A generator that falls behind by more than this cannot go faster. */
const KEPT_PACE = 0.95;

interface Trial {
  readonly clean: boolean;
  /** Messages a second that were really sent. */
  readonly rate: number;
  readonly generatorIsLimit: boolean;
}

/** What sends the messages, and so by which transport. */
export interface Generator {
  readonly generate: (load: Load) => Promise<Sent>;
  /** What each of its runs sends beside calls and their answers. */
  readonly notifications: number;
}

async function tryRate(
  tool: Tool,
  frontEnd: FrontEnd,
  output: Output,
  size: number,
  rate: number,
  { generate, notifications }: Generator,
): Promise<Trial> {
  await using running = await Running.start(tool, frontEnd, output);
  const warmUp = 2 * Math.ceil(Math.min(WARM_UP_MESSAGES, WARM_UP_BYTES / size) / 2);
  const warmed = await generate({ size, rate: rate / 4, messages: warmUp });
  await running.settled();
  const sent = await generate({ size, rate, messages: messagesIn(SECONDS, rate, size) });
  await running.settled();
  const count = await running.stop(2 * notifications);
  return {
    clean: count.lost === 0 && count.messages === warmed.messages + sent.messages,
    rate: sent.rate,
    generatorIsLimit: sent.rate < KEPT_PACE * rate,
  };
}

/** An even number. */
function messagesIn(seconds: number, rate: number, size: number): number {
  return Math.ceil(Math.min(rate * seconds, MOST_BYTES / size) / 2) * 2;
}

/** CPU of a tool that has been at it for as long as it is measured, ns per message. */
async function steadyCost(
  tool: Tool,
  frontEnd: FrontEnd,
  output: Output,
  size: number,
  rate: number,
  { generate }: Generator,
): Promise<number> {
  await using running = await Running.start(tool, frontEnd, output);
  const load = { size, rate, messages: messagesIn(STEADY_SECONDS, rate, size) };
  await generate(load);
  await running.settled();
  const before = running.cpuNs();
  const sent = await generate(load);
  await running.settled();
  return (running.cpuNs() - before) / sent.messages;
}

export interface BestRate {
  readonly rate: number;
  readonly generatorIsLimit: boolean;
  readonly cpuNsPerMessage: number;
}

/** What the search knows: the fastest clean trial, and the slowest rate at which something was lost. */
interface Known {
  best: Trial | undefined;
  tooFast: number;
}

/** Up by half until something is lost, then bisection on a logarithmic scale; undefined: near enough. */
function nextRate({ best, tooFast }: Known, rate: number): number | undefined {
  if (best?.generatorIsLimit) return undefined;
  const clean = best?.rate ?? Math.min(rate, tooFast) / 4;
  if (tooFast === Number.POSITIVE_INFINITY) return rate * 1.5;
  return tooFast / clean < PRECISION ? undefined : Math.sqrt(clean * tooFast);
}

export async function highestRate(
  tool: Tool,
  frontEnd: FrontEnd,
  output: Output,
  size: number,
  firstGuess: number,
  generator: Generator,
): Promise<BestRate> {
  const known: Known = { best: undefined, tooFast: Number.POSITIVE_INFINITY };
  let rate: number | undefined = firstGuess;
  for (let step = 0; rate !== undefined && step < MOST_STEPS; step++) {
    const trial = await tryRate(tool, frontEnd, output, size, rate, generator);
    tell(`${tool.name} ${output} ${size} B`, trial);
    if (!trial.clean) known.tooFast = Math.min(known.tooFast, rate);
    else if (trial.rate > (known.best?.rate ?? 0)) known.best = trial;
    rate = nextRate(known, rate);
  }
  const { rate: best, generatorIsLimit } = known.best ?? { rate: 0, generatorIsLimit: false };
  const steady = best * STEADY_SHARE;
  const cpuNsPerMessage =
    best === 0 ? Number.NaN : await steadyCost(tool, frontEnd, output, size, steady, generator);
  return { rate: best, generatorIsLimit, cpuNsPerMessage };
}

function tell(what: string, trial: Trial): void {
  if (process.env["V"] !== "1") return;
  say(`    ${what} at ${Math.round(trial.rate)}/s: ${trial.clean ? "clean" : "loss"}`);
}
