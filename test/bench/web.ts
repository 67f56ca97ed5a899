/**
 * What HTTP over loopback, plain and inside TLS, pays for the tool: requests a second at full speed, and how long one takes
 * at an even pace (web.c).
 */
import { join } from "node:path";
import { numberAt, parseObject } from "../e2e/json.ts";
import { type Compared, compare, takeTurns } from "./compared.ts";
import { program, QUICK, ROOT } from "./environment.ts";
import type { Load, Sent } from "./load.ts";
import { CALM_MS, type FrontEnd, overhear, overhearTls, type Running } from "./tool.ts";

const ROUNDS = QUICK ? 3 : 5;
const SIZE = 1024;
const CONNECTIONS = [1, 50] as const;
const SECONDS = QUICK ? 1 : 2;
/** Long beside the begin of 50 sessions, which many of its first requests fall on. */
const PACED_SECONDS = 5;
/** Messages a second at which times are compared: what people have, and more. */
const PACE = 5_000;
/** At full speed: what a machine of two cores does in about SECONDS. */
const FULL_MESSAGES = { 1: 40_000 * SECONDS, 50: 250_000 * SECONDS } as const;
/** A tool that has just started is still being compiled, which takes CPU from those who are measured. */
const WARM_UP_MESSAGES = 120_000;
const CERTIFICATES = join(ROOT, "test/kernel/tls");

interface WebCase {
  /** An exchange of MCP, or of any other program that speaks HTTP. */
  readonly subject: "mcp" | "other";
  /** Inside TLS, by the shared OpenSSL of the system. */
  readonly tls: boolean;
  readonly connections: (typeof CONNECTIONS)[number];
}

export interface WebCost extends WebCase {
  readonly requests_per_s: Compared;
  /** At an even pace. */
  readonly p50_us: Compared;
  readonly p99_us: Compared;
}

async function run({ subject, tls, connections }: WebCase, messages: number, rate: number) {
  const options = { size: SIZE, connections, messages, rate };
  const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  if (subject === "other") words.push("--other");
  if (tls) words.push("--tls", CERTIFICATES);
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

async function round(which: WebCase, running: Running | undefined) {
  if (running && which.subject === "mcp")
    await run({ ...which, connections: 50 }, WARM_UP_MESSAGES, 0);
  await running?.settled();
  const full = await run(which, FULL_MESSAGES[which.connections], 0);
  await running?.settled();
  if (running) await Bun.sleep(CALM_MS);
  const paced = await run(which, PACE * PACED_SECONDS, PACE);
  return {
    requests_per_s: numberAt(full, "requests_per_s"),
    p50_us: numberAt(paced, "p50_us"),
    p99_us: numberAt(paced, "p99_us"),
  };
}

async function costOf(frontEnds: readonly FrontEnd[], which: WebCase): Promise<WebCost> {
  const tool = which.tls ? overhearTls : overhear;
  const turns = await takeTurns(ROUNDS, tool, frontEnds, (running) => round(which, running));
  return {
    ...which,
    requests_per_s: compare(turns, "requests_per_s"),
    p50_us: compare(turns, "p50_us"),
    p99_us: compare(turns, "p99_us"),
  };
}

export async function webCosts(frontEnds: readonly FrontEnd[]): Promise<WebCost[]> {
  const costs: WebCost[] = [];
  for (const tls of [false, true]) {
    for (const subject of ["mcp", "other"] as const) {
      for (const connections of CONNECTIONS) {
        costs.push(await costOf(frontEnds, { subject, tls, connections }));
      }
    }
  }
  return costs;
}
