/** Waiting for outputs that may never be ready. */
import { OutputError } from "../sinks/errors.ts";

/** How long an output may take nothing after the run was told to end. */
const STUCK_MS = 3000;

/**
 * Waits for an output; once the run is to end, only as long as it takes something now and then: a stuck reader must
 * not keep the tool, and a slow one must not lose what it would still read.
 * `taken`: what the output has taken so far, in any unit.
 * @throws OutputError
 */
export async function waitPatiently(
  wait: Promise<void>,
  stopped: Promise<void>,
  taken: () => number,
): Promise<void> {
  let isDone = false;
  const done = wait.finally(() => {
    isDone = true;
  });
  await Promise.race([done, stopped]);
  for (let before = -1; !isDone; ) {
    if (taken() === before) throw stuck();
    before = taken();
    await within(done, STUCK_MS);
  }
  return done;
}

/** Returns when it is done, or after `ms`. */
async function within(done: Promise<void>, ms: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([done, late]).finally(() => clearTimeout(timer));
}

function stuck(): OutputError {
  return new OutputError("Cannot finish writing to standard output: its reader does not read", {
    path: "standard output",
    hint: "what was heard until then is in the pipe; end the reader first, or use -o FILE",
  });
}
