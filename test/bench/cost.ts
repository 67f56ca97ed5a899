/** What the traced programs pay: ns added to a write and read of the same bytes, by kind of file (pairs.c). */
import { numberAt, parseObject } from "../e2e/json.ts";
import { program, QUICK } from "./environment.ts";
import { type Measured, measured } from "./statistics.ts";
import { type FrontEnd, overhear, Running } from "./tool.ts";

export const KINDS = [
  "mcp_pipe",
  "busy_pipe",
  "unix_socketpair",
  "tcp_socket",
  "regular_file",
  "getppid",
] as const;
export type Kind = (typeof KINDS)[number];

const ROUNDS = QUICK ? 3 : 9;
const BURSTS = QUICK ? 7 : 25;

export interface Cost {
  /** ns without any tool. */
  readonly base: Measured;
  /** ns more with overhear, each round against its own base. */
  readonly added: Partial<Record<FrontEnd, Measured>>;
}

async function pairs(): Promise<Record<string, unknown>> {
  const child = Bun.spawn([program("pairs"), "0", String(BURSTS)], { stdin: "ignore" });
  return parseObject(await new Response(child.stdout).text());
}

/** Rounds without and with the tool take turns, so that a machine that grows slow or warm is slow for all. */
export async function addedCost(frontEnds: readonly FrontEnd[]): Promise<Record<Kind, Cost>> {
  const bases: Record<string, unknown>[] = [];
  const withTool = new Map<FrontEnd, Record<string, unknown>[]>(
    frontEnds.map((name) => [name, []]),
  );
  for (let round = 0; round < ROUNDS; round++) {
    bases.push(await pairs());
    for (const [frontEnd, rounds] of withTool) {
      await using _running = await Running.start(overhear, frontEnd, "null");
      rounds.push(await pairs());
    }
  }
  const costOf = (kind: Kind): Cost => ({
    base: measured(bases.map((base) => numberAt(base, kind))),
    added: Object.fromEntries(
      [...withTool].map(([frontEnd, rounds]) => [
        frontEnd,
        measured(rounds.map((each, i) => numberAt(each, kind) - numberAt(bases[i], kind))),
      ]),
    ),
  });
  return {
    mcp_pipe: costOf("mcp_pipe"),
    busy_pipe: costOf("busy_pipe"),
    unix_socketpair: costOf("unix_socketpair"),
    tcp_socket: costOf("tcp_socket"),
    regular_file: costOf("regular_file"),
    getppid: costOf("getppid"),
  };
}
