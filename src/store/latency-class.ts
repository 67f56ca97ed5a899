/** A duration in, the class that sums and indexes know it by out. */

/** Classes per doubling: the middle of one is at most 4.5 % off. */
const PER_OCTAVE = 8;

/** The middle of its class, µs: durations within some 9 % of each other have one, so that sums of many are few rows. */
export function aboutUs(durationUs: number): number {
  if (!(durationUs > 1)) return 1;
  const index = Math.floor(Math.log2(durationUs) * PER_OCTAVE);
  return Math.round(2 ** ((index + 0.5) / PER_OCTAVE));
}

/** 0: up to 1 µs; 20: about a second; 36: about a day. */
export function octaveOf(durationUs: number): number {
  return durationUs > 1 ? Math.floor(Math.log2(durationUs)) : 0;
}
