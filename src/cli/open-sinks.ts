/** OutputOptions in, the opened outputs as one sink out; listen and replay both write through it. */
import { isatty } from "node:tty";
import type { ExchangeItem, Summary } from "../exchange/types.ts";
import { chooseColors } from "../sinks/color.ts";
import { Console } from "../sinks/console.ts";
import { ReaderGone } from "../sinks/errors.ts";
import { itemFilter } from "../sinks/filter.ts";
import { NdjsonFile } from "../sinks/ndjson-file.ts";
import { NdjsonStream } from "../sinks/ndjson-stream.ts";
import type { FileOwner } from "../sinks/output-file.ts";
import { redactor } from "../sinks/redact.ts";
import type { Sink, WallClock } from "../sinks/types.ts";
import { ServerGate } from "./server-gate.ts";
import type { OutputOptions } from "./types.ts";

type Accepts = (item: ExchangeItem) => boolean;

/** What can be asked about standard output. */
export interface StreamState {
  readonly written: number;
  readerGone(): boolean;
}

/** All outputs of a run. Errors as those of Sink; the first one is thrown after all were tried. */
export class Outputs implements Sink {
  readonly #sinks: readonly Sink[];
  readonly #accepts: Accepts;
  readonly #gate: ServerGate | undefined;
  readonly #countsAsShown: Accepts;
  readonly #stream: StreamState | undefined;
  readonly #maxMessages: number;
  #shownMessages = 0;
  #matched = false;

  constructor(parts: {
    sinks: readonly Sink[];
    accepts: Accepts;
    gate: ServerGate | undefined;
    /** Whether an item is a message that is asked for, as --max-messages counts them, its kind asked for or not. */
    countsAsShown: Accepts;
    /** Standard output, when something is shown there. */
    stream: StreamState | undefined;
    maxMessages: number | undefined;
  }) {
    this.#sinks = parts.sinks;
    this.#accepts = parts.accepts;
    this.#gate = parts.gate;
    this.#countsAsShown = parts.countsAsShown;
    this.#stream = parts.stream;
    this.#maxMessages = parts.maxMessages ?? Number.POSITIVE_INFINITY;
  }

  /** As many messages as --max-messages allows are written: what comes after is not. */
  get full(): boolean {
    return this.#shownMessages >= this.#maxMessages;
  }

  /** A message came, and --method, --tool and --server let it pass. */
  get matched(): boolean {
    return this.#matched;
  }

  /** Standard output cannot be read by anybody any more; cheap enough to ask a few times a second. */
  readerGone(): boolean {
    return this.#stream?.readerGone() ?? false;
  }

  /** Bytes that standard output has taken: while it grows, its reader reads. */
  get streamed(): number {
    return this.#stream?.written ?? 0;
  }

  write(items: readonly ExchangeItem[]): void | Promise<void> {
    return this.#write(this.#gate?.pass(items) ?? items);
  }

  async flush(): Promise<void> {
    await this.#all((sink) => sink.flush());
  }

  async reopen(): Promise<void> {
    await this.#all((sink) => sink.reopen());
  }

  /** A reader of standard output that has gone keeps no summary from a file. */
  async close(summary: Summary): Promise<void> {
    const held = this.#gate?.release() ?? [];
    if (held.length > 0) await Promise.resolve(this.#write(held)).catch(() => undefined);
    await this.#all((sink) => sink.close(summary));
  }

  #write(items: readonly ExchangeItem[]): void | Promise<void> {
    this.#matched ||= items.some(this.#countsAsShown);
    const taken = this.#upToLimit(items).filter(this.#accepts);
    if (taken.length === 0) return;
    const waits: Promise<void>[] = [];
    for (const sink of this.#sinks) {
      const wait = sink.write(taken);
      if (wait !== undefined) waits.push(wait);
    }
    if (waits.length > 0) return settle(waits);
  }

  #upToLimit(items: readonly ExchangeItem[]): readonly ExchangeItem[] {
    if (this.#maxMessages === Number.POSITIVE_INFINITY) return items;
    const taken: ExchangeItem[] = [];
    for (const item of items) {
      if (this.full) break;
      taken.push(item);
      if (this.#countsAsShown(item)) this.#shownMessages++;
    }
    return taken;
  }

  #all(act: (sink: Sink) => Promise<void>): Promise<void> {
    return settle(this.#sinks.map(act));
  }
}

/** Waits for all, then throws what counts most: an output that failed before a reader that has gone. */
async function settle(waits: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(waits);
  const errors = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
  const worst = errors.find((error) => !(error instanceof ReaderGone)) ?? errors[0];
  if (worst !== undefined) throw worst;
}

export interface OpenOptions {
  readonly outputs: OutputOptions;
  readonly maxMessages: number | undefined;
  readonly clock: WallClock;
  /** The wall clock, for file names and rotation. */
  readonly now: () => Date;
}

/** Throws OutputError when a file cannot be opened; files opened before it stay empty. */
export function openSinks(options: OpenOptions): Outputs {
  const { outputs } = options;
  const { kinds, filters } = outputs;
  const chosen = { methods: filters.methods, tools: filters.tools, servers: filters.servers };
  const accepts = itemFilter({ ...chosen, kinds });
  const files = outputs.files.map((file) => openFile(file, options));
  const stream = openStream(options);
  return new Outputs({
    sinks: [...files, ...(stream === undefined ? [] : [stream])],
    accepts,
    gate: filters.servers.length === 0 ? undefined : new ServerGate(),
    countsAsShown: itemFilter({ ...chosen, kinds: ["message"] }),
    stream,
    maxMessages: options.maxMessages,
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
