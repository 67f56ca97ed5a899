/** A line for whoever is in front of the terminal in, the same on standard error out. */
import { writeSync } from "node:fs";

/** Not console.error, which Bun colours. */
export function say(line: string): void {
  try {
    writeSync(2, `${line}\n`);
  } catch {
    // nobody reads stderr: what is under way goes on
  }
}
