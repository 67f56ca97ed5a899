/** Calls without an answer in, the words that name one out: method, target, id and for how long. */
import { formatMs } from "./quantity.ts";

interface Named {
  readonly method: string;
  readonly target: string | undefined;
  /** undefined: too long to be kept. */
  readonly idText: string | undefined;
  readonly sinceNs: number;
}

/** "tools/call echo (id 7)" */
export function callWords({ method, target, idText }: Omit<Named, "sinceNs">): string {
  const about = target === undefined ? method : `${method} ${target}`;
  return idText === undefined ? about : `${about} (id ${idText})`;
}

/** "no answer in 12.3 s" */
export function noAnswerWords({ sinceNs }: Pick<Named, "sinceNs">, nowNs: number): string {
  return `no answer in ${waitedText(sinceNs, nowNs)}`;
}

/** "12.3 s" */
export function waitedText(sinceNs: number, nowNs: number): string {
  return formatMs(Math.max(0, nowNs - sinceNs) / 1e6);
}
