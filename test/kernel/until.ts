/** A condition in; waits until it holds. */
import { PATIENCE_MS } from "./settings.ts";

/** @throws Error with `what` when it never does. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`never: ${what}`);
    await Bun.sleep(10);
  }
}
