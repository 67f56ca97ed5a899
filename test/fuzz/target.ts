/** What a fuzz target is: a parser, inputs to start from, and what must hold for any bytes. */

export interface FuzzTarget {
  readonly name: string;
  readonly seeds: readonly Uint8Array[];
  /** Throws when the parser breaks a promise on this input. `random` gives whole numbers below its argument. */
  check(input: Uint8Array, random: Random): void;
}

export type Random = (below: number) => number;

/** A generator whose numbers follow from its seed (mulberry32). */
export function makeRandom(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % Math.max(1, below);
  };
}

export function assertEqual(actual: unknown, wanted: unknown, what: string): void {
  if (Bun.deepEquals(actual, wanted, true)) return;
  throw new Error(`${what}: ${Bun.inspect(actual)}, wanted ${Bun.inspect(wanted)}`);
}
