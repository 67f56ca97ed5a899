/** `overhear replay`: recorded files or a history in, the lines that were written live out, and the exit code. */
import { statSync } from "node:fs";
import strftime from "strftime";
import type { Outputs } from "../delivery/outputs.ts";
import { readLines } from "../replay/read-lines.ts";
import { RecordedClock } from "../replay/recorded-time.ts";
import { ReplayRun } from "../replay/replay-run.ts";
import { OutputError, ReaderGone } from "../sinks/errors.ts";
import { plural } from "../sinks/quantity.ts";
import { UsageError } from "./errors.ts";
import { EXIT_OK } from "./exit-codes.ts";
import { reportUnmatched } from "./filter-report.ts";
import { endWith } from "./loss-report.ts";
import { openSinks } from "./open-sinks.ts";
import { say } from "./say.ts";
import type { ExitCode, ReplayOptions } from "./types.ts";

/** Items are written in batches of about this many lines read. */
const BATCH_LINES = 256;

/** Throws UsageError when nothing can be read, OutputError when an output fails. */
export async function replay(options: ReplayOptions): Promise<ExitCode> {
  for (const file of options.files) checkIsNoOutput(file, options);
  const clock = new RecordedClock();
  const outputs = openSinks({
    outputs: options.outputs,
    maxMessages: options.maxMessages,
    clock,
    now: () => new Date(),
    isLive: false,
    hasFiles: false,
  });
  const run = new ReplayRun(clock, options.allJsonrpc);
  const counts = { lines: 0, malformed: 0, cut: 0 };
  let endedBy = "end_of_input";
  let failure: unknown;
  try {
    endedBy = await feed(readLines(options.files, counts), run, outputs);
  } catch (error) {
    if (error instanceof OutputError) failure = error;
    else if (!(error instanceof ReaderGone)) throw error;
    endedBy = failure === undefined ? "reader_gone" : "output_failed";
  }
  reportInput(options, run, counts.malformed + run.counts.malformed, counts.cut);
  // no summary: there was no run that it could be of
  if (run.readable === 0 && endedBy === "end_of_input") {
    throw new UsageError(
      `Cannot replay: 0 readable lines in ${counts.lines}, at least 1 needed`,
      "replay reads what overhear wrote, e.g. overhear --raw -o mcp.ndjson or overhear --db mcp.db",
    );
  }
  const summary = run.summary(endedBy);
  await outputs.close(summary).catch((error: unknown) => {
    if (!(error instanceof ReaderGone)) failure ??= error;
  });
  // the outputs that still work have a summary by now
  if (failure !== undefined) throw failure;
  if (endedBy === "end_of_input") reportUnmatched(summary, outputs, options.outputs);
  return endedBy === "reader_gone"
    ? EXIT_OK
    : endWith(summary, options.failOnLoss, outputs.droppedRows);
}

/** A file that is read and appended to has no end. Throws UsageError. */
function checkIsNoOutput(file: string, { outputs }: ReplayOptions): void {
  const input = identityOf(file);
  const { database } = outputs;
  const written = outputs.files.map(({ pattern }) => strftime(pattern, new Date()));
  for (const path of database === undefined ? written : [...written, database.path]) {
    if (input === undefined || identityOf(path) !== input) continue;
    throw new UsageError(
      `Cannot replay "${file}" into "${path}": both are one file, two needed`,
      "name another file with -o",
    );
  }
}

function identityOf(path: string): string | undefined {
  const stats = statSync(path === "-" ? "/dev/stdin" : path, { throwIfNoEntry: false });
  return stats?.isFile() === true ? `${stats.dev}:${stats.ino}` : undefined;
}

async function feed(
  lines: ReturnType<typeof readLines>,
  run: ReplayRun,
  outputs: Outputs,
): Promise<string> {
  let waiting = 0;
  for await (const line of lines) {
    run.push(line);
    // A session's object goes on changing: its line is written before more is read.
    if (++waiting < BATCH_LINES && !run.hasSessionLine) continue;
    waiting = 0;
    await outputs.write(run.take());
    if (outputs.full) return "max_messages";
  }
  run.end();
  await outputs.write(run.take());
  return outputs.full ? "max_messages" : "end_of_input";
}

/** On stderr, one line each: a replay that is not the whole recording says so. */
function reportInput(options: ReplayOptions, run: ReplayRun, malformed: number, cut: number): void {
  const { rebuilt, unknown } = run.counts;
  const notes = [
    cut > 0 ? `${plural(cut, "message")} longer than --db-body: shown without what was cut` : "",
    malformed > 0 ? `${plural(malformed, "line")} left out: not what overhear writes` : "",
    unknown > 0
      ? `${plural(unknown, "line")} left out: of kinds that this version does not replay`
      : "",
    rebuilt > 0
      ? `${plural(rebuilt, "message")} recorded without --raw: put together from their fields, numbers beyond 2^53 and duplicate keys may differ`
      : "",
  ];
  if (options.outputs.quiet && malformed === 0) return;
  for (const note of notes) if (note !== "") say(`overhear: replay: ${note}`);
}
