/** Live capture: opens outputs, attaches, says that it listens, runs until the end, and gives the exit code. */
import { growPipe, isReaderGone } from "../ffi/host.ts";
import type { ConnectionsWish } from "./capture/connections/connections-kernel.ts";
import { defaultRingBytes, usableMemory } from "./capture/ring-size.ts";
import { formatError } from "./cli/errors.ts";
import { EXIT_OK } from "./cli/exit-codes.ts";
import { reportUnmatched } from "./cli/filter-report.ts";
import { endWith } from "./cli/loss-report.ts";
import { openSinks } from "./cli/open-sinks.ts";
import { say } from "./cli/say.ts";
import type { ExitCode, ListenOptions } from "./cli/types.ts";
import { type Attached, attachKernel } from "./live/attach.ts";
import { findBlockedThreads, findEnded, findHalfWritten } from "./live/blocked.ts";
import { type Child, checkCommand, startChild } from "./live/child.ts";
import { BootClock } from "./live/clock.ts";
import { type FollowPlan, planFollow } from "./live/follow.ts";
import { showsEffects } from "./live/hearing.ts";
import { LiveSession } from "./live/session.ts";
import { callAfter } from "./live/timer.ts";

/** As much as the kernel lets anybody have by default (fs.pipe-max-size). */
const OUTPUT_PIPE_BYTES = 1 << 20;

/** What lives as long as a run does, beside it. */
export interface Companion {
  /** The outputs are open and the host is heard. `stop` ends the run. May throw: that ends it, too. */
  started(stop: (endedBy: string) => void): void;
}

/** @throws UsageError, CommandError, PrivilegeError, UnsupportedKernelError, OutputError */
export async function listen(options: ListenOptions, companion?: Companion): Promise<ExitCode> {
  if (options.run) checkCommand(options.run.argv);
  const release = holdSignals();
  const follow = planFollow(options.filters);
  const filtering = follow.filtering || options.run !== undefined;
  const clock = new BootClock();
  const attached = attachKernel(options.attach, {
    ringBytes: options.ringBytes ?? defaultRingBytes(usableMemory()),
    ownPid: process.pid,
    filtering,
    watchFiles: options.tls === "auto",
    followNames: follow.names,
    followCgroups: follow.cgroups,
    hearsChannels: options.onlyConnections !== true,
    connections: connectionsFor(options),
    files: options.files === true,
  });
  using kernel = attached.kernel;
  // once more: some have started, or taken a wanted name, while the programs were loaded
  const followed = follow.filtering ? planFollow(options.filters) : follow;
  for (const pid of followed.pids) kernel.follow(pid);
  const outputs = openSinks({
    outputs: options.outputs,
    maxMessages: options.maxMessages,
    clock,
    now: () => new Date(),
    isLive: true,
    hasFiles: options.files === true,
  });
  // a full pipe costs both sides a change of tasks for every 64 KiB
  const isStdoutUnused = options.outputs.stdout === "none";
  if (!isStdoutUnused) growPipe(1, OUTPUT_PIPE_BYTES);
  const session = new LiveSession({
    kernel,
    options,
    outputs,
    clock,
    filtering,
    // FFI's poll sees sockets, too
    isReaderGone: () => !isStdoutUnused && (isReaderGone(1) || outputs.readerGone()),
  });
  const holders = options.onlyConnections === true ? [] : kernel.scan();
  const blocked = findBlockedThreads(holders);
  if (kernel.frontEnd === "fexit") {
    kernel.watchBlocked(blocked);
    kernel.unwatchBlocked(findEnded(blocked));
  }
  session.discover({ holders, halfWritten: findHalfWritten(blocked), isStdoutUnused });
  announce(attached, options, followed);
  session.listenToTls(options.run?.argv[0]);
  const child = options.run ? startChild(options.run.argv, kernel) : undefined;
  const undo = watchEnds(session, options, child);
  release();
  try {
    companion?.started((endedBy) => session.stop(endedBy));
    const code = await session
      .run()
      .then((summary) => {
        reportUnmatched(summary, outputs, options.outputs);
        return endWith(summary, options.failOnLoss, outputs.droppedRows);
      })
      .catch((error: unknown) => giveUp(error, child, options.debug));
    const childCode = child ? await child.exited : EXIT_OK;
    return childCode === EXIT_OK ? code : childCode;
  } finally {
    undo();
  }
}

/** Lines of their own are asked for; a history, and what calls cause, do without them where they cannot be had. */
function connectionsFor(options: ListenOptions): ConnectionsWish | undefined {
  if (options.outputs.kinds.includes("connection")) return "needed";
  if (options.outputs.database !== undefined) return "wanted";
  if (!showsEffects(options)) return undefined;
  return options.effects === "all" ? "wanted" : "cheap";
}

/** An output failed. A command that runs is not to be left alone, nor to suffer: say so now, and wait for it. */
function giveUp(error: unknown, child: Child | undefined, debug: boolean): ExitCode {
  if (!child) throw error;
  const { text, exitCode } = formatError(error, debug);
  say(text.trimEnd());
  return exitCode;
}

function announce(attached: Attached, options: ListenOptions, follow: FollowPlan): void {
  if (options.outputs.quiet) return;
  const { kernel, fexitRefused } = attached;
  const why = fexitRefused && options.outputs.verbosity > 0 ? `; fexit: ${fexitRefused}` : "";
  say(`overhear: listening (${kernel.frontEnd}${why}), Ctrl-C ends`);
  // a name that is misspelt looks like a host on which nobody speaks
  if (follow.filtering && follow.pids.length === 0) {
    say("overhear: no process matches the filter yet; one that starts later will be heard");
  }
}

/**
 * Signals that come while the programs are loaded wait for those who know what to do with them: Bun tells of them
 * when the event loop turns, and until then loading lets it not. Returns what leaves that to others.
 */
function holdSignals(): () => void {
  const wait = () => undefined;
  for (const signal of HELD_SIGNALS) process.on(signal, wait);
  return () => {
    for (const signal of HELD_SIGNALS) process.off(signal, wait);
  };
}

const HELD_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** A signal that comes again sooner was sent once. */
const REPEAT_MS = 100;

/** What ends a run besides its outputs. Returns what takes the handlers away again. */
function watchEnds(
  session: LiveSession,
  options: ListenOptions,
  child: Child | undefined,
): () => void {
  let running = child;
  let askedAt = Number.POSITIVE_INFINITY;
  // some that end a process tell it and its group, which is twice: that is once
  const isAgain = () => performance.now() - askedAt > REPEAT_MS;
  const ask = (signal: NodeJS.Signals) => {
    // a slow reader may take long for the rest: asked again, the tool dies of the signal
    if (isAgain()) process.removeAllListeners(signal).kill(process.pid, signal);
    askedAt = Math.min(askedAt, performance.now());
    // the terminal has written ^C where the next line begins
    if (signal === "SIGINT" && process.stderr.isTTY) say("");
    session.stop("signal");
  };
  const onInterrupt = () => {
    if (!running) return ask("SIGINT");
    // a terminal sends it to the command as well: the run ends when that ends; asked again, it is made to
    if (isAgain()) running.kill("SIGTERM");
    askedAt = Math.min(askedAt, performance.now());
  };
  const onTerminate = () => {
    if (running) running.kill("SIGTERM");
    else ask("SIGTERM");
  };
  const onHangUp = () => {
    void session
      .reopen()
      .catch((error: unknown) => say(formatError(error, options.debug).text.trim()));
  };
  process.on("SIGINT", onInterrupt);
  process.on("SIGTERM", onTerminate);
  process.on("SIGHUP", onHangUp);
  const { durationMs } = options;
  const forget =
    durationMs === undefined ? undefined : callAfter(durationMs, () => session.stop("duration"));
  void child?.exited.then(() => {
    running = undefined;
    askedAt = Number.POSITIVE_INFINITY;
    session.stop("command_exited");
  });
  return () => {
    process.off("SIGINT", onInterrupt);
    process.off("SIGTERM", onTerminate);
    process.off("SIGHUP", onHangUp);
    forget?.();
  };
}
