/** Coverage lines and their reasons in, what the console says of them out. */
import type { CoverageLine } from "../exchange/types.ts";
import { formatBytes, formatCount } from "./quantity.ts";

const WORDS: Readonly<Record<string, string>> = {
  stderr: "standard error, no transport",
  stderr_answer: "no answer but on standard error",
  stdout_terminal: "no answer: standard output is a terminal",
  stdout_file: "no answer: standard output is a file",
  stdout_null: "no answer: standard output is /dev/null",
};

/** undefined: the reason says all. */
export function coverageWords(reason: string): string | undefined {
  return Object.hasOwn(WORDS, reason) ? WORDS[reason] : undefined;
}

/** "cannot be heard: io_uring (3 times), 70.0 kB" */
export function coverageText({ reason, count = 1, bytes }: CoverageLine): string {
  const what = coverageWords(reason) ?? `cannot be heard: ${reason}`;
  const times = count > 1 ? ` (${formatCount(count)} times)` : "";
  return `${what}${times}${bytes > 0 ? `, ${formatBytes(bytes)}` : ""}`;
}
