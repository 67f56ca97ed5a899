/** How much longer ten times as much takes, on a machine that does other things, too. */

const MAX_ROUNDS = 25;
/** Ten is linear, a hundred is quadratic. */
const GOOD = 30;

/** `measure` gives the nanoseconds that so many take. Of each size the shortest of as many rounds as it needs to look good. */
export function growth(measure: (count: number) => number, few: number, many: number): number {
  let [shortest, longest] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < MAX_ROUNDS; round++) {
    shortest = Math.min(shortest, measure(few));
    longest = Math.min(longest, measure(many));
    // the first rounds run code that is not compiled yet
    if (round > 2 && longest / shortest < GOOD) break;
  }
  return longest / shortest;
}
