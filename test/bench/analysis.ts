/** How long it takes to look through a program for what it encrypts with, for the first time and again. */
import { copyFileSync, mkdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { numberAt, parseObject } from "../e2e/json.ts";
import { QUICK, WORKSPACE } from "./environment.ts";
import { type Measured, measured } from "./statistics.ts";

const ROUNDS = QUICK ? 3 : 9;

export interface Analysis {
  readonly bytes: number;
  /** Never looked at, and read from the disk. */
  readonly cold_ms: Measured;
  /** Never looked at, in memory, as that of a process that runs is. */
  readonly in_memory_ms: Measured;
  readonly cached_ms: Measured;
}

const LOOK = join(import.meta.dir, "look-into.ts");

/** In a process of its own, as `overhear` is one: its code has not run before. */
async function look(file: string, folder: string): Promise<number> {
  const child = Bun.spawn([process.execPath, LOOK, file, folder], { stderr: "inherit" });
  const said = parseObject(await new Response(child.stdout).text());
  if (numberAt(said, "libraries") === 0) throw new Error(`nothing is found in "${file}"`);
  return numberAt(said, "ms");
}

/** Writes back what is to be written of the file, and drops what is in memory of it. */
function forgetPages(file: string): void {
  for (const command of [
    ["sync", file],
    ["dd", `if=${file}`, "iflag=nocache", "count=0", "status=none"],
  ]) {
    if (!Bun.spawnSync(command).success) throw new Error(`${command.join(" ")} fails`);
  }
}

/** Of this Bun, which is what programs made by `bun build --compile` are, too. */
export async function analysisTimes(): Promise<Analysis> {
  const file = join(WORKSPACE, "program");
  copyFileSync(process.execPath, file);
  const folder = join(WORKSPACE, "analyses");
  const anew = () => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { mode: 0o700 });
  };
  const rounds: Record<"cold" | "inMemory" | "cached", number>[] = [];
  for (let n = 0; n < ROUNDS; n++) {
    anew();
    forgetPages(file);
    const cold = await look(file, folder);
    anew();
    const inMemory = await look(file, folder);
    const cached = await look(file, folder);
    rounds.push({ cold, inMemory, cached });
  }
  return {
    bytes: statSync(file).size,
    cold_ms: measured(rounds.map(({ cold }) => cold)),
    in_memory_ms: measured(rounds.map(({ inMemory }) => inMemory)),
    cached_ms: measured(rounds.map(({ cached }) => cached)),
  };
}
