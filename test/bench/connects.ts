/** What short connections pay for being told of: connect and close, as many a second as go (rush.c). */
import { numberAt, parseObject } from "../e2e/json.ts";
import { type Compared, compare, takeTurns } from "./compared.ts";
import { program, QUICK } from "./environment.ts";
import { connectionsTool, type FrontEnd, overhear } from "./tool.ts";

const ROUNDS = QUICK ? 3 : 9;
/** A second or two of them. */
const COUNT = QUICK ? 20_000 : 60_000;
/** At a time: each waits for its server. */
const PROCESSES = 2;

export interface ConnectCost {
  readonly tool: string;
  readonly connections_per_s: Compared;
  /** From before connect() to behind close(). */
  readonly p50_us: Compared;
  readonly p99_us: Compared;
}

async function round() {
  const words = ["--connections", COUNT, "--processes", PROCESSES].map(String);
  const child = Bun.spawn([program("rush"), ...words], { stdin: "ignore", stderr: "inherit" });
  const said = parseObject(await new Response(child.stdout).text());
  return {
    connections_per_s: numberAt(said, "connections_per_s"),
    p50_us: numberAt(said, "p50_us"),
    p99_us: numberAt(said, "p99_us"),
  };
}

/** Beside messages, of which calls are told with what they connect to; and with a line for each. */
export async function connectCosts(frontEnds: readonly FrontEnd[]): Promise<ConnectCost[]> {
  const costs: ConnectCost[] = [];
  for (const tool of [overhear, connectionsTool]) {
    const turns = await takeTurns(ROUNDS, tool, frontEnds, round);
    costs.push({
      tool: tool.name,
      connections_per_s: compare(turns, "connections_per_s"),
      p50_us: compare(turns, "p50_us"),
      p99_us: compare(turns, "p99_us"),
    });
  }
  return costs;
}
