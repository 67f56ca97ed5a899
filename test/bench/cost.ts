/** What the traced programs pay: ns added to a write and read of the same bytes, by kind of file (pairs.c). */
import { numberAt, parseObject } from "../e2e/json.ts";
import { compare, takeTurns, type With } from "./compared.ts";
import { program, QUICK } from "./environment.ts";
import type { Measured } from "./statistics.ts";
import { type FrontEnd, overhear } from "./tool.ts";

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
  /** ns more with overhear (or the least), each round against its own base. */
  readonly added: Partial<Record<With, Measured>>;
}

async function pairs(): Promise<Record<Kind, number>> {
  const child = Bun.spawn([program("pairs"), "0", String(BURSTS)], { stdin: "ignore" });
  const said = parseObject(await new Response(child.stdout).text());
  const of = (kind: Kind) => numberAt(said, kind);
  return {
    mcp_pipe: of("mcp_pipe"),
    busy_pipe: of("busy_pipe"),
    unix_socketpair: of("unix_socketpair"),
    tcp_socket: of("tcp_socket"),
    regular_file: of("regular_file"),
    getppid: of("getppid"),
  };
}

export async function addedCost(frontEnds: readonly FrontEnd[]): Promise<Record<Kind, Cost>> {
  const turns = await takeTurns(ROUNDS, overhear, frontEnds, pairs);
  const costOf = (kind: Kind): Cost => {
    const { without, added } = compare(turns, kind);
    return { base: without, added };
  };
  return {
    mcp_pipe: costOf("mcp_pipe"),
    busy_pipe: costOf("busy_pipe"),
    unix_socketpair: costOf("unix_socketpair"),
    tcp_socket: costOf("tcp_socket"),
    regular_file: costOf("regular_file"),
    getppid: costOf("getppid"),
  };
}
