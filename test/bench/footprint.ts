/** What the tool itself costs: CPU while nothing happens, memory, time until it listens. */
import { QUICK } from "./environment.ts";
import { generate } from "./load.ts";
import { type Measured, measured, round } from "./statistics.ts";
import { type FrontEnd, overhear, Running } from "./tool.ts";

export interface Footprint {
  readonly idle_cpu_percent: number;
  readonly idle_rss_mb: number;
  readonly idle_own_mb: number;
  /** After so many messages: resident memory then, and its peak until then. */
  readonly after: readonly {
    readonly messages: number;
    readonly rss_mb: number;
    readonly peak_mb: number;
  }[];
  readonly listening_ms: Measured;
}

const IDLE_SECONDS = QUICK ? 5 : 20;
const STARTS = QUICK ? 5 : 15;
const MILESTONES = QUICK ? [100_000, 1_000_000] : [1_000_000, 10_000_000];
const SIZE = 200;

async function timeToListening(frontEnd: FrontEnd): Promise<number> {
  const begun = performance.now();
  await using _running = await Running.start(overhear, frontEnd, "null");
  return performance.now() - begun;
}

/** `rate`: messages a second that the tool takes without loss, for the millions. */
export async function footprint(frontEnd: FrontEnd, rate: number): Promise<Footprint> {
  const starts: number[] = [];
  for (let i = 0; i < STARTS; i++) starts.push(await timeToListening(frontEnd));

  await using running = await Running.start(overhear, frontEnd, "null");
  // what it does after its start is no idling, and Bun's own garbage timer slows down after 30 s
  await Bun.sleep(QUICK ? 1000 : 40_000);
  const before = running.cpuNs();
  await Bun.sleep(IDLE_SECONDS * 1000);
  const idleNs = running.cpuNs() - before;
  const idle = running.memory();

  const after: Footprint["after"][number][] = [];
  let sent = 0;
  for (const messages of MILESTONES) {
    await generate({ size: SIZE, rate, messages: messages - sent });
    sent = messages;
    await Bun.sleep(500);
    const memory = running.memory();
    after.push({ messages, rss_mb: round(memory.now), peak_mb: round(memory.peak) });
  }
  return {
    idle_cpu_percent: round((idleNs / (IDLE_SECONDS * 1e9)) * 100),
    idle_rss_mb: round(idle.now),
    idle_own_mb: round(idle.own),
    after,
    listening_ms: measured(starts),
  };
}
