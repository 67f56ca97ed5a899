/** The cost under both front ends in a guest, for kernels that refuse one: only ratios count there. */
import { join } from "node:path";
import { parseObject, textAt } from "../e2e/json.ts";
import { ROOT } from "./environment.ts";

/** As Debian 13 ships it: both front ends attach, and it skips no program runs. */
const KERNEL = "6.12";

export interface Emulated {
  readonly kernel: string;
  /** As Results.cost; its nanoseconds are the emulator's. */
  readonly cost: unknown;
}

/** Boots the guest, which runs `run.ts cost`. Throws with what it said when that fails. */
export async function emulatedCost(): Promise<Emulated> {
  const script = ["env", "BENCH_QUICK=1", process.execPath, "test/bench/run.ts", "cost"];
  const guest = Bun.spawn(
    [join(ROOT, "test/vm/run-in-kernel"), "-t", "900", KERNEL, "--", ...script],
    { cwd: ROOT, stdin: "ignore", stderr: "inherit" },
  );
  const said = await new Response(guest.stdout).text();
  if ((await guest.exited) !== 0) throw new Error(`the guest ends with ${guest.exitCode}: ${said}`);
  const result = parseObject(said.trimEnd().split("\n").at(-1) ?? "");
  return { kernel: textAt(result, "kernel"), cost: result["cost"] };
}
