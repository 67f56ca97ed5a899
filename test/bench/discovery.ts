/** How long it takes to find TLS libraries on a host where much runs, to listen to them, and to let go of them. */
import { copyFileSync, mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { QUICK, WORKSPACE } from "./environment.ts";
import { type Measured, measured } from "./statistics.ts";
import { type FrontEnd, overhear, overhearTls, Running, type Tool } from "./tool.ts";

const ROUNDS = QUICK ? 3 : 9;
const PROCESSES = 500;
const LIBRARY = "/usr/lib/x86_64-linux-gnu/libssl.so.3";

export interface Discovery {
  readonly processes: number;
  /** From listening until a library is heard that only the last of so many processes has, at a place that nobody expects. */
  readonly among_processes_ms: Measured;
  /** The same with that process alone. */
  readonly alone_ms: Measured;
  /** From the start until the first library is heard, whose programs are loaded for it. */
  readonly attach_ms: Measured;
  /** From SIGINT to the end, when TLS is listened to, and with --tls off. */
  readonly stop_ms: Measured;
  readonly stop_without_ms: Measured;
}

/** Processes that do nothing, with this library mapped. */
class Sleepers implements AsyncDisposable {
  readonly #processes: readonly Bun.Subprocess[];

  constructor(count: number, library: string) {
    this.#processes = Array.from({ length: count }, () =>
      Bun.spawn(["sleep", "600"], {
        stdin: "ignore",
        stdout: "ignore",
        env: { ...process.env, LD_PRELOAD: library },
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of this.#processes) each.kill();
    await Promise.all(this.#processes.map(({ exited }) => exited));
  }
}

const withoutTls: Tool = {
  ...overhear,
  command: (frontEnd) => [...overhear.command(frontEnd), "--tls", "off"],
};

function hearing(library: string): Tool {
  return { ...overhearTls, ready: `"${library}"` };
}

/** ms from listening to hearing this library. */
async function findTime(frontEnd: FrontEnd, library: string): Promise<number> {
  await using running = await Running.start(hearing(library), frontEnd, "null");
  return running.readyMs - running.listeningMs;
}

async function attachTime(frontEnd: FrontEnd): Promise<number> {
  await using running = await Running.start(overhearTls, frontEnd, "null");
  return running.readyMs;
}

async function stopTime(tool: Tool, frontEnd: FrontEnd): Promise<number> {
  await using running = await Running.start(tool, frontEnd, "file");
  // what it does after its start
  await Bun.sleep(1000);
  const begun = performance.now();
  await running.stop();
  return performance.now() - begun;
}

export async function discovery(frontEnd: FrontEnd): Promise<Discovery> {
  const folder = join(WORKSPACE, "libraries");
  mkdirSync(folder, { recursive: true });
  const own = join(folder, "libssl.so.3");
  copyFileSync(realpathSync(LIBRARY), own);
  const times: Record<"among" | "alone" | "attach" | "stop" | "stopWithout", number[]> = {
    among: [],
    alone: [],
    attach: [],
    stop: [],
    stopWithout: [],
  };
  for (let n = 0; n < ROUNDS; n++) {
    times.attach.push(await attachTime(frontEnd));
    times.stop.push(await stopTime(overhearTls, frontEnd));
    times.stopWithout.push(await stopTime(withoutTls, frontEnd));
    await using _last = new Sleepers(1, own);
    await Bun.sleep(200);
    times.alone.push(await findTime(frontEnd, own));
  }
  {
    await using _many = new Sleepers(PROCESSES - 1, LIBRARY);
    await using _last = new Sleepers(1, own);
    await Bun.sleep(2000);
    for (let n = 0; n < ROUNDS; n++) times.among.push(await findTime(frontEnd, own));
  }
  return {
    processes: PROCESSES,
    among_processes_ms: measured(times.among),
    alone_ms: measured(times.alone),
    attach_ms: measured(times.attach),
    stop_ms: measured(times.stop),
    stop_without_ms: measured(times.stopWithout),
  };
}
