/** Arguments in, what a run of overhear that ends by itself said out. */
import { OVERHEAR, PATIENCE_MS } from "./settings.ts";

export async function runTool(...args: readonly string[]) {
  const process = Bun.spawn([OVERHEAR, ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: PATIENCE_MS,
  });
  const [code, stdout, stderr] = await Promise.all([
    process.exited,
    process.stdout.text(),
    process.stderr.text(),
  ]);
  return { code, stdout, stderr };
}
