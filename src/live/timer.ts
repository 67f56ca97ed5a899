/** A time of any length in, one call when it is over out. */

/** What setTimeout takes at most: longer times would be over at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

type SetTimer = (act: () => void, ms: number) => ReturnType<typeof setTimeout>;

/** Returns what stops it. */
export function callAfter(ms: number, act: () => void, set: SetTimer = setTimeout): () => void {
  let timer: ReturnType<typeof setTimeout>;
  const wait = (leftMs: number) => {
    const stepMs = Math.min(leftMs, LONGEST_TIMER_MS);
    timer = set(() => (leftMs > stepMs ? wait(leftMs - stepMs) : act()), stepMs);
  };
  wait(ms);
  return () => clearTimeout(timer);
}
