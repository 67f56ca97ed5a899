/** OutputOptions in, the opened outputs of a run out. */
import { isatty } from "node:tty";
import { Outputs } from "../delivery/outputs.ts";
import { ServerGate } from "../delivery/server-gate.ts";
import { chooseColors } from "../sinks/color.ts";
import { Console } from "../sinks/console.ts";
import { itemFilter } from "../sinks/filter.ts";
import { NdjsonFile } from "../sinks/ndjson-file.ts";
import { NdjsonStream } from "../sinks/ndjson-stream.ts";
import type { FileOwner } from "../sinks/output-file.ts";
import { redactor } from "../sinks/redact.ts";
import type { WallClock } from "../sinks/types.ts";
import type { OutputOptions } from "./types.ts";

/** What waits for a terminal that takes nothing (Ctrl-S), UTF-8 bytes: some 100,000 lines. */
const TERMINAL_WAITING_BYTES = 16 << 20;

export interface OpenOptions {
  readonly outputs: OutputOptions;
  readonly maxMessages: number | undefined;
  readonly clock: WallClock;
  /** The wall clock, for file names and rotation. */
  readonly now: () => Date;
  /** What is shown happens now: it does not wait for a terminal that is held still. */
  readonly isLive: boolean;
}

/** Throws OutputError when a file cannot be opened; files opened before it stay empty. */
export function openSinks(options: OpenOptions): Outputs {
  const { outputs } = options;
  const { kinds, filters } = outputs;
  const files = outputs.files.map((file) => openFile(file, options));
  const stream = openStream(options);
  const asked = {
    accepts: itemFilter({ ...filters, kinds }),
    gate: filters.servers.length === 0 ? undefined : new ServerGate(),
    countsAsShown: itemFilter({ ...filters, kinds: ["message"] }),
    maxMessages: options.maxMessages,
  };
  return new Outputs([...files, ...(stream === undefined ? [] : [stream])], asked, stream);
}

function openFile(file: OutputOptions["files"][number], options: OpenOptions): NdjsonFile {
  const { outputs, clock, now } = options;
  return new NdjsonFile({
    pattern: file.pattern,
    rotation: { bytes: file.rotateBytes, intervalMs: file.rotateMs, keep: file.keep },
    owner: caller(),
    now,
    clock,
    raw: outputs.raw,
    redactor: outputs.redact ? redactor : undefined,
  });
}

function openStream(options: OpenOptions): Console | NdjsonStream | undefined {
  const { outputs, clock } = options;
  const common = {
    fd: 1,
    name: "standard output",
    clock,
    redactor: outputs.redact ? redactor : undefined,
  };
  switch (outputs.stdout) {
    case "none":
      return undefined;
    case "ndjson":
      return new NdjsonStream({ ...common, raw: outputs.raw });
    case "console": {
      const isTerminal = isatty(1);
      const { NO_COLOR, TERM } = process.env;
      return new Console({
        ...common,
        colors: chooseColors(outputs.color, isTerminal, { NO_COLOR, TERM }),
        // 0 is a terminal that does not tell.
        columns: () => (isTerminal ? process.stdout.columns || undefined : undefined),
        quiet: outputs.quiet,
        maxWaitingBytes: isTerminal && options.isLive ? TERMINAL_WAITING_BYTES : undefined,
      });
    }
  }
}

/** Whom sudo was called by: new files are theirs. */
function caller(): FileOwner | undefined {
  const { SUDO_UID, SUDO_GID } = process.env;
  const uid = idOf(SUDO_UID);
  const gid = idOf(SUDO_GID);
  if (uid === undefined || gid === undefined || process.geteuid?.() !== 0) return undefined;
  return { uid, gid };
}

function idOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}
