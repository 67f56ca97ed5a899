/** Rounds without and with a tool, in turns, so that a machine that grows slow or warm is slow for both. */
import { type Measured, measured } from "./statistics.ts";
import { type FrontEnd, Running, type Tool } from "./tool.ts";

export interface Compared {
  readonly without: Measured;
  readonly with: Partial<Record<FrontEnd, Measured>>;
  /** Each round's difference to its own base. */
  readonly added: Partial<Record<FrontEnd, Measured>>;
}

export interface Turns<Round> {
  readonly bases: readonly Round[];
  readonly withTool: ReadonlyMap<FrontEnd, readonly Round[]>;
}

export async function takeTurns<Round>(
  rounds: number,
  tool: Tool,
  frontEnds: readonly FrontEnd[],
  round: () => Promise<Round>,
): Promise<Turns<Round>> {
  const bases: Round[] = [];
  const withTool = new Map<FrontEnd, Round[]>(frontEnds.map((name) => [name, []]));
  for (let i = 0; i < rounds; i++) {
    bases.push(await round());
    for (const [frontEnd, done] of withTool) {
      await using _running = await Running.start(tool, frontEnd, "null");
      done.push(await round());
    }
  }
  return { bases, withTool };
}

export function compare<Key extends string>(
  { bases, withTool }: Turns<Readonly<Record<Key, number>>>,
  key: Key,
): Compared {
  type Round = Readonly<Record<Key, number>>;
  const each = (value: (round: Round, index: number) => number) =>
    Object.fromEntries([...withTool].map(([name, rounds]) => [name, measured(rounds.map(value))]));
  return {
    without: measured(bases.map((base) => base[key])),
    with: each((round) => round[key]),
    added: each((round, index) => round[key] - (bases[index]?.[key] ?? Number.NaN)),
  };
}
