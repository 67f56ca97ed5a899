/** How long it takes from a write() to the arrival of its line at who reads overhear's pipe (latency.c). */
import { join } from "node:path";
import { numberAt, parseObject } from "../e2e/json.ts";
import { OVERHEAR, program, QUICK, WORKSPACE } from "./environment.ts";
import { generate } from "./load.ts";
import { type Measured, measured } from "./statistics.ts";
import { CALM_MS, type FrontEnd } from "./tool.ts";

export interface Delay {
  readonly p50_us: Measured;
  readonly p99_us: Measured;
  readonly max_us: Measured;
}

const ROUNDS = QUICK ? 1 : 3;
const SIZE = 1024;
/** Not counted: a tool that has just started is still being compiled. */
const WARM_UP = { size: SIZE, rate: 20_000, messages: QUICK ? 60_000 : 200_000 };

/** One round: overhear writes into a pipe whose reader stamps each line. */
async function round(frontEnd: FrontEnd, rate: number, messages: number): Promise<unknown> {
  const stderr = join(WORKSPACE, "delay.err");
  // The shell joins the two by a pipe and says overhear's pid; INT goes to overhear alone.
  const script = '{ sh -c \'echo $$ >&2; exec "$@"\' sh "$@" 2>"$0"; } | "$LATENCY" "$SKIPPED"';
  const words = [OVERHEAR, "--format", "ndjson", "--attach", frontEnd];
  const pipeline = Bun.spawn(["sh", "-c", script, stderr, ...words], {
    stdin: "ignore",
    env: { ...process.env, LATENCY: program("latency"), SKIPPED: String(WARM_UP.messages) },
  });
  let said = "";
  const deadline = Date.now() + 15_000;
  while (!said.includes("listening")) {
    if (Date.now() > deadline) throw new Error(`overhear does not listen: ${said}`);
    await Bun.sleep(5);
    said = await Bun.file(stderr)
      .text()
      .catch(() => "");
  }
  await generate(WARM_UP);
  await Bun.sleep(CALM_MS);
  await generate({ size: SIZE, rate, messages });
  process.kill(Number.parseInt(said, 10), "SIGINT");
  const result = parseObject(await new Response(pipeline.stdout).text());
  if (numberAt(result, "count") < messages) {
    throw new Error(`${numberAt(result, "count")} of ${messages} lines came`);
  }
  return result;
}

export async function delayAt(frontEnd: FrontEnd, rate: number): Promise<Delay> {
  const seconds = rate < 100 ? (QUICK ? 6 : 30) : QUICK ? 3 : 10;
  const rounds: unknown[] = [];
  for (let i = 0; i < ROUNDS; i++) rounds.push(await round(frontEnd, rate, rate * seconds));
  const column = (name: string) => measured(rounds.map((each) => numberAt(each, name)));
  return { p50_us: column("p50_us"), p99_us: column("p99_us"), max_us: column("max_us") };
}
