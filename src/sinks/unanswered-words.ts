/** Times in, the words that say for how long something has waited out. */
import { formatMs } from "./quantity.ts";

/** "12.3 s" */
export function waitedText(sinceNs: number, nowNs: number): string {
  return formatMs(Math.max(0, nowNs - sinceNs) / 1e6);
}
