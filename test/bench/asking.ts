/** How long an agent waits for a tool of `overhear mcp`: each tool's default call, over a history of some size. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { at, textAt } from "../e2e/json.ts";
import { type Connected, connectStdio, HttpServed } from "../e2e/mcp/served.ts";
import { TestHistory } from "../unit/store/history.ts";
import { traffic } from "../unit/store/traffic.ts";
import { QUICK, WORKSPACE } from "./environment.ts";
import { percentile, round } from "./statistics.ts";

/** Each makes four to five rows; `make bench-store` asks millions. */
const HISTORY_CALLS = QUICK ? 10_000 : 200_000;
const ASKS = QUICK ? 50 : 500;
const WARM_UP = 20;
const DAY_NS = 86_400_000_000_000;

export interface Asking {
  readonly transport: "stdio" | "http";
  readonly tool: string;
  readonly p50_ms: number;
  readonly p99_ms: number;
}

export interface Asked {
  readonly history_calls: number;
  /** Of each tool. */
  readonly asks: number;
  readonly answers: readonly Asking[];
}

function fill(path: string): void {
  const startUs = Date.now() * 1000 - DAY_NS / 1000;
  using history = new TestHistory({
    path,
    clock: { toUnixMicros: (ns) => Math.floor(ns / 1000) + startUs },
  });
  for (const items of traffic({ calls: HISTORY_CALLS, startNs: 0, lastsNs: DAY_NS })) {
    history.store(items);
  }
  history.end();
}

async function timesOf(agent: Connected, tool: string, args: Record<string, unknown>) {
  const times: number[] = [];
  for (let n = -WARM_UP; n < ASKS; n++) {
    const begun = performance.now();
    await agent.ask(tool, args);
    if (n >= 0) times.push(performance.now() - begun);
  }
  return times.toSorted((a, b) => a - b);
}

async function askAll(agent: Connected, transport: Asking["transport"]): Promise<Asking[]> {
  const { tools } = await agent.client.listTools();
  const calls = at(await agent.ask("list_calls", { limit: 1 }), "calls");
  const newest = textAt(Array.isArray(calls) ? calls[0] : undefined, "id");
  const answers: Asking[] = [];
  for (const { name } of tools) {
    const times = await timesOf(agent, name, name === "get_call" ? { id: newest } : {});
    const [p50, p99] = [0.5, 0.99].map((part) => round(percentile(times, part)));
    answers.push({ transport, tool: name, p50_ms: p50 ?? 0, p99_ms: p99 ?? 0 });
  }
  return answers;
}

export async function askingTimes(): Promise<Asked> {
  const path = join(WORKSPACE, "asked.db");
  try {
    fill(path);
    await using overStdio = await connectStdio("modern", "--db", path);
    const answers = await askAll(overStdio, "stdio");
    await using served = await HttpServed.start("--db", path);
    await using overHttp = await served.connect("modern");
    answers.push(...(await askAll(overHttp, "http")));
    return { history_calls: HISTORY_CALLS, asks: ASKS, answers };
  } finally {
    for (const end of ["", "-wal", "-shm"]) rmSync(path + end, { force: true });
  }
}
