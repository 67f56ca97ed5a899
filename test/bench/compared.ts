/** Rounds without and with a tool, in turns, so that a machine that grows slow or warm is slow for both. */
import { type Measured, measured } from "./statistics.ts";
import { type FrontEnd, least, Running, type Tool } from "./tool.ts";

/** With the tool by a front end, or with the least that is possible by tracepoint. */
export type With = FrontEnd | "least";

export interface Compared {
  readonly without: Measured;
  readonly with: Partial<Record<With, Measured>>;
  /** Each round's difference to its own base. */
  readonly added: Partial<Record<With, Measured>>;
}

export interface Turns<Round> {
  readonly bases: readonly Round[];
  readonly withTool: ReadonlyMap<With, readonly Round[]>;
}

/** `running`: the tool, which is to be warm; without: there is none, or one that never warms up. */
export async function takeTurns<Round>(
  rounds: number,
  tool: Tool,
  frontEnds: readonly FrontEnd[],
  round: (running?: Running) => Promise<Round>,
): Promise<Turns<Round>> {
  const bases: Round[] = [];
  const names: With[] = [...frontEnds];
  if (frontEnds.includes("tracepoint")) names.push("least");
  const withTool = new Map<With, Round[]>(names.map((name) => [name, []]));
  for (let i = 0; i < rounds; i++) {
    bases.push(await round());
    for (const [name, done] of withTool) {
      const isLeast = name === "least";
      await using running = isLeast
        ? await Running.start(tool.least ?? least, "tracepoint", "null")
        : await Running.start(tool, name, "null");
      done.push(await round(isLeast ? undefined : running));
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
