/** What HTTP over loopback pays for the tool: requests a second at full speed, and how long one takes at an even pace (web.c). */
import { numberAt, parseObject } from "../e2e/json.ts";
import { program, QUICK } from "./environment.ts";
import type { Load, Sent } from "./load.ts";
import { type Measured, measured } from "./statistics.ts";
import { type FrontEnd, overhear, Running } from "./tool.ts";

const ROUNDS = QUICK ? 3 : 9;
const SIZE = 1024;
const CONNECTIONS = [1, 50] as const;
const SECONDS = QUICK ? 0.5 : 2;
/** Messages a second at which times are compared: what people have, and more. */
const PACE = 5_000;
/** At full speed; a rate at which a machine of two cores is busy for about SECONDS. */
const FULL_MESSAGES = 60_000 * SECONDS;

/** An exchange of MCP, or of any other program that speaks HTTP. */
export type Subject = "mcp" | "other";

export interface WebCost {
  readonly subject: Subject;
  readonly connections: number;
  readonly requests_per_s: Compared;
  /** At an even pace. */
  readonly p50_us: Compared;
  readonly p99_us: Compared;
}

export interface Compared {
  readonly without: Measured;
  readonly with: Partial<Record<FrontEnd, Measured>>;
  /** Each round's difference to its own base. */
  readonly added: Partial<Record<FrontEnd, Measured>>;
}

async function run(subject: Subject, connections: number, messages: number, rate: number) {
  const options = { size: SIZE, connections, messages, rate };
  const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  if (subject === "other") words.push("--other");
  const child = Bun.spawn([program("web"), ...words], { stdin: "ignore", stderr: "inherit" });
  return parseObject(await new Response(child.stdout).text());
}

/** For the search of the highest rate: 50 connections, each a session. */
export async function generateWeb({ size, rate, messages }: Load): Promise<Sent> {
  const words = ["--connections", 50, "--size", size, "--rate", rate, "--messages", messages];
  const child = Bun.spawn([program("web"), ...words.map(String)], {
    stdin: "ignore",
    stderr: "inherit",
  });
  const sent = parseObject(await new Response(child.stdout).text());
  return { messages: numberAt(sent, "messages"), rate: numberAt(sent, "rate") };
}

type Round = Readonly<Record<"requests_per_s" | "p50_us" | "p99_us", number>>;

async function round(subject: Subject, connections: number): Promise<Round> {
  const full = await run(subject, connections, FULL_MESSAGES, 0);
  const paced = await run(subject, connections, PACE * SECONDS, PACE);
  return {
    requests_per_s: numberAt(full, "requests_per_s"),
    p50_us: numberAt(paced, "p50_us"),
    p99_us: numberAt(paced, "p99_us"),
  };
}

function compare(
  bases: readonly Round[],
  withTool: ReadonlyMap<FrontEnd, readonly Round[]>,
  key: keyof Round,
): Compared {
  const each = (value: (round: Round, index: number) => number) =>
    Object.fromEntries([...withTool].map(([name, rounds]) => [name, measured(rounds.map(value))]));
  return {
    without: measured(bases.map((base) => base[key])),
    with: each((round) => round[key]),
    added: each((round, index) => round[key] - (bases[index]?.[key] ?? Number.NaN)),
  };
}

/** Rounds without and with the tool take turns, as in cost.ts. */
async function costOf(
  frontEnds: readonly FrontEnd[],
  subject: Subject,
  connections: number,
): Promise<WebCost> {
  const bases: Round[] = [];
  const withTool = new Map<FrontEnd, Round[]>(frontEnds.map((name) => [name, []]));
  for (let i = 0; i < ROUNDS; i++) {
    bases.push(await round(subject, connections));
    for (const [frontEnd, rounds] of withTool) {
      await using _running = await Running.start(overhear, frontEnd, "null");
      rounds.push(await round(subject, connections));
    }
  }
  return {
    subject,
    connections,
    requests_per_s: compare(bases, withTool, "requests_per_s"),
    p50_us: compare(bases, withTool, "p50_us"),
    p99_us: compare(bases, withTool, "p99_us"),
  };
}

export async function webCosts(frontEnds: readonly FrontEnd[]): Promise<WebCost[]> {
  const costs: WebCost[] = [];
  for (const subject of ["mcp", "other"] as const) {
    for (const connections of CONNECTIONS) {
      costs.push(await costOf(frontEnds, subject, connections));
    }
  }
  return costs;
}
