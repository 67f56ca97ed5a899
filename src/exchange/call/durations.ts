/** Time between two kernel times. */

/**
 * Milliseconds from one CLOCK_BOOTTIME ns to a later one; undefined when either is unknown, or
 * when they stand the wrong way round: then a note is inconsistent, and no number is honest.
 */
export function elapsedMs(
  fromNs: number | undefined,
  toNs: number | undefined,
): number | undefined {
  if (fromNs === undefined || toNs === undefined || toNs < fromNs) return undefined;
  return (toNs - fromNs) / 1e6;
}
