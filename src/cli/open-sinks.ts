/** OutputOptions in, the opened outputs of a run out. */
import { isatty } from "node:tty";
import { Only } from "../delivery/only.ts";
import { Outputs } from "../delivery/outputs.ts";
import { ServerGate } from "../delivery/server-gate.ts";
import { ShownCounts } from "../exchange/shown.ts";
import { chooseColors } from "../sinks/color.ts";
import { Console } from "../sinks/console.ts";
import { itemFilter, leavesOut, openCallFilter } from "../sinks/filter.ts";
import { NdjsonFile } from "../sinks/ndjson-file.ts";
import { NdjsonStream } from "../sinks/ndjson-stream.ts";
import type { FileOwner } from "../sinks/owned-file.ts";
import { redactor } from "../sinks/redact.ts";
import type { WallClock } from "../sinks/types.ts";
import { HistoryStore } from "../store/history-store.ts";
import { ALL_KINDS } from "./build-outputs.ts";
import { isOwnServer } from "./own-server.ts";
import { say } from "./say.ts";
import { startStoreThread } from "./start-store-thread.ts";
import type { DatabaseOutput, OutputOptions } from "./types.ts";
import { VERSION } from "./version.ts";

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
  /** Changes to files are among what calls cause. */
  readonly hasFiles: boolean;
}

/** Throws OutputError when a file cannot be opened; files opened before it stay empty. */
export function openSinks(options: OpenOptions): Outputs {
  const { outputs } = options;
  const { kinds, filters, database } = outputs;
  const files = outputs.files.map((file) => openFile(file, options));
  const store = database === undefined ? undefined : openStore(database, options);
  const stream = openStream(options);
  const asked = {
    // a history has lines of all kinds, whatever is shown
    accepts: itemFilter({ ...filters, kinds: store === undefined ? kinds : ALL_KINDS }),
    gate: filters.servers.length === 0 ? undefined : new ServerGate(),
    countsAsShown: itemFilter({ ...filters, kinds: ["message"] }),
    maxMessages: options.maxMessages,
    counter: counterOf(filters),
  };
  const shown = [...files, ...(stream === undefined ? [] : [stream])];
  if (store === undefined) return new Outputs(shown, asked, stream);
  const accepts = itemFilter({ ...NO_FILTERS, kinds });
  const some = shown.map((each) => new Only(each, accepts));
  return new Outputs([store, ...some], asked, stream, store);
}

function counterOf(filters: OutputOptions["filters"]): ShownCounts | undefined {
  if (!leavesOut(filters)) return undefined;
  const accepts = itemFilter({ ...filters, kinds: ALL_KINDS });
  return new ShownCounts({ accepts, acceptsOpen: openCallFilter(filters) });
}

const NO_FILTERS = { transports: [], methods: [], tools: [], servers: [], hosts: [] };

function openStore(database: DatabaseOutput, options: OpenOptions): HistoryStore {
  const { path, keepMs, keepBytes, bodyBytes, isOwnEnd } = database;
  return new HistoryStore({
    path,
    owner: caller(),
    clock: options.clock,
    version: VERSION,
    keep: { ageMs: keepMs, bytes: keepBytes },
    maxBodyBytes: bodyBytes,
    isRedacted: options.outputs.redact,
    recordsFiles: options.hasFiles,
    isLive: options.isLive,
    isOwn: isOwnServer,
    isOwnEnd: isOwnEnd ?? (() => false),
    startThread: startStoreThread,
    report: say,
  });
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
