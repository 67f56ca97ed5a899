/** The exit codes, with the text that help, man page and docs/cli.md print for each. */
import type { CaptureFacts, Summary } from "../exchange/types.ts";

export const EXIT_OK = 0;
export const EXIT_INTERNAL = 1;
export const EXIT_USAGE = 2;
export const EXIT_PRIVILEGE = 3;
export const EXIT_UNSUPPORTED = 4;
export const EXIT_LOSS = 5;
export const EXIT_OUTPUT = 6;
/** As env(1), nohup(1), timeout(1) and the shells have them. */
export const EXIT_CANNOT_RUN = 126;
export const EXIT_NO_COMMAND = 127;

export const EXIT_CODES: readonly { readonly code: number; readonly meaning: string }[] = [
  { code: EXIT_OK, meaning: "ended as asked: duration over, signal, reader gone, end of input" },
  { code: EXIT_INTERNAL, meaning: "internal error: a bug in overhear" },
  { code: EXIT_USAGE, meaning: "usage: bad option, value or input" },
  { code: EXIT_PRIVILEGE, meaning: "not enough privilege" },
  { code: EXIT_UNSUPPORTED, meaning: "this kernel does not support what is needed" },
  { code: EXIT_LOSS, meaning: "bytes were lost and --fail-on-loss was given" },
  { code: EXIT_OUTPUT, meaning: "an output could not be opened or written" },
  { code: EXIT_CANNOT_RUN, meaning: "run: the command could not be started" },
  { code: EXIT_NO_COMMAND, meaning: "run: there is no such command" },
];

/** How a run that ended in order ends: 5 when bytes were lost, or may have been, and that was not to be. `droppedRows`: that
 * a history had no room for. */
export function exitCodeOf(summary: Summary, failOnLoss: boolean, droppedRows = 0): number {
  if (!failOnLoss) return EXIT_OK;
  const { lossBytes, capture } = summary;
  const lost = lossBytes > 0 || droppedRows > 0 || (capture !== undefined && isLossy(capture));
  return lost ? EXIT_LOSS : EXIT_OK;
}

function isLossy(capture: CaptureFacts): boolean {
  return !capture.exact || capture.missedBytes > 0 || capture.unattributedBytes > 0;
}
