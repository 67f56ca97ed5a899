/** Waiting for outputs that may never be ready. */
import { OutputError } from "../sinks/errors.ts";

/** How long an output may take after the run was told to end. */
const STUCK_MS = 3000;

/**
 * Waits for an output; once the run is to end, only for a while: a stuck reader must not keep the tool.
 * @throws OutputError
 */
export async function waitPatiently(wait: Promise<void>, stopped: Promise<void>): Promise<void> {
  let isDone = false;
  const done = wait.finally(() => {
    isDone = true;
  });
  await Promise.race([done, stopped]);
  if (isDone) return done;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(stuck()), STUCK_MS);
  });
  await Promise.race([done, late]).finally(() => clearTimeout(timer));
}

function stuck(): OutputError {
  return new OutputError("Cannot finish writing to standard output: its reader does not read", {
    path: "standard output",
    hint: "what was heard until then is in the pipe; end the reader first, or use -o FILE",
  });
}
