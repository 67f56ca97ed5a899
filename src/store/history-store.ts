/** Exchange items in; what is stored of them goes to the thread that writes the database. Never holds up the capture. */
import type { Endpoint, Process } from "../capture/types.ts";
import type { Consumer } from "../delivery/types.ts";
import type { ExchangeItem, Summary } from "../exchange/types.ts";
import type { FileOwner } from "../sinks/owned-file.ts";
import type { WallClock } from "../sinks/types.ts";
import type { RunEnd } from "./batch.ts";
import { prepareDatabase } from "./database-file.ts";
import { openForWriting } from "./open-database.ts";
import { Recorder, type Room } from "./recorder.ts";
import type { Keep } from "./retention.ts";
import { startRun } from "./run-row.ts";
import type { FromThread, ToThread } from "./store-thread.ts";
import { TimeShare } from "./time-share.ts";

export interface HistoryOptions {
  readonly path: string;
  readonly owner: FileOwner | undefined;
  readonly clock: WallClock;
  readonly version: string;
  readonly keep: Keep;
  /** Of a message, UTF-8: longer ones are cut. */
  readonly maxBodyBytes: number;
  readonly isRedacted: boolean;
  readonly recordsFiles: boolean;
  /** False: a recording is read, which can wait; nothing is dropped then. */
  readonly isLive: boolean;
  readonly isOwn: (process: Process) => boolean;
  readonly isOwnEnd: (end: Endpoint) => boolean;
  /** Starts the thread of src/store-worker.ts. */
  readonly startThread: () => Worker;
  /** A line for whoever is in front of the terminal. */
  readonly report: (line: string) => void;
}

/** What waits to be written, bytes: beyond the one messages are left out, beyond the other everything. */
const FEW_BYTES = 24 << 20;
const MOST_BYTES = 32 << 20;
/** Text that a mask may find a secret in although it is cut at the limit. */
const MASK_MARGIN_BYTES = 4096;
/** A segment is no more than this, nor than a tenth of what is kept. */
const SEGMENT_BYTES = 64 << 20;
const SEGMENTS_KEPT = 10;
const MIN_SEGMENT_BYTES = 1 << 20;

/** The constructor throws OutputError when the database cannot be opened. */
export class HistoryStore implements Consumer {
  readonly #options: HistoryOptions;
  readonly #recorder: Recorder;
  readonly #thread: Worker;
  readonly #done = new BigInt64Array(new SharedArrayBuffer(16));
  /** Given to the thread so far. */
  readonly #given = { bytes: 0, rows: 0 };
  #flushes = 0;
  readonly #share = new TimeShare();
  readonly #waits = new Map<number, () => void>();
  readonly #closed = Promise.withResolvers<void>();
  #failed: string | undefined;
  #lostRows = 0;

  constructor(options: HistoryOptions) {
    this.#options = options;
    const { clock, maxBodyBytes, isRedacted, keep, isOwn, isOwnEnd } = options;
    const path = prepareDatabase(options.path, options.owner);
    const db = openForWriting(path);
    let started: ReturnType<typeof startRun>;
    try {
      started = startRun(db, {
        path: options.path,
        startUs: Date.now() * 1000,
        version: options.version,
        isReplay: !options.isLive,
        isRedacted,
        maxBodyBytes,
        recordsFiles: options.recordsFiles,
      });
    } finally {
      db.close();
    }
    this.#recorder = new Recorder({
      clock,
      ...started,
      maxBodyBytes,
      bodyMargin: isRedacted ? MASK_MARGIN_BYTES : 0,
      segmentBytes: segmentBytes(keep),
      isOwn,
      isOwnEnd,
    });
    this.#thread = options.startThread();
    this.#thread.onmessage = ({ data }: MessageEvent<FromThread>) => this.#hear(data);
    this.#thread.onerror = ({ message }) => this.#fail(message);
    const { runId } = started;
    const done = this.#done;
    this.#post({
      kind: "open",
      options: { path, runId, isRedacted, maxBodyBytes, keep, done },
    });
  }

  /** Bytes that the thread is done with: while it grows, the database is written. */
  get written(): number {
    return Number(Atomics.load(this.#done, 0));
  }

  /** Rows that are not in the database. */
  get droppedRows(): number {
    return this.#recorder.droppedItems + this.#lostRows;
  }

  /** Live, never a promise: what finds no room is counted. Of a recording, one that resolves when there is room again. */
  write(items: readonly ExchangeItem[]): void | Promise<void> {
    const startMs = performance.now();
    this.#share.refill(startMs);
    for (const batch of this.#recorder.record(items, this.#room)) {
      this.#given.bytes += batch.bytes;
      this.#given.rows += batch.rows;
      this.#post(JSON.stringify(batch));
    }
    this.#share.spend(performance.now() - startMs);
    if (!this.#options.isLive && this.#given.bytes - this.written > FEW_BYTES / 2)
      return this.flush();
  }

  /** All is in the database, or it cannot be written at the moment. */
  async flush(): Promise<void> {
    if (this.#failed !== undefined) return;
    const id = ++this.#flushes;
    await new Promise<void>((resolve) => {
      this.#waits.set(id, resolve);
      this.#post({ kind: "flush", id });
    });
  }

  /** The file is the same for good. */
  async reopen(): Promise<void> {}

  async close(summary: Summary): Promise<void> {
    if (this.#failed === undefined) this.#post({ kind: "end", end: this.#end(summary) });
    await this.#closed.promise;
    this.#thread.terminate();
    const { droppedRows } = this;
    if (droppedRows === 0) return;
    const why = this.#failed === undefined ? "" : `: ${this.#failed}`;
    this.#say(`${droppedRows} of the rows of this run are not in it${why}`);
  }

  readonly #room = (): Room => {
    if (this.#failed !== undefined) return "none";
    if (!this.#options.isLive) return "all";
    const waiting = this.#given.bytes - this.written;
    if (waiting >= MOST_BYTES || this.#share.isFarExceeded) return "none";
    return waiting >= FEW_BYTES || this.#share.isExceeded ? "few" : "all";
  };

  #end(summary: Summary): RunEnd {
    const { capture, endedBy } = summary;
    return {
      endUs: this.#options.clock.toUnixMicros(summary.timeNs),
      endedBy,
      frontEnd: capture?.frontEnd ?? null,
      kernel: capture?.kernel ?? null,
      exact: capture?.exact ?? null,
      summary: JSON.stringify({ ...summary, calls: undefined, openCalls: undefined }),
      droppedRows: this.droppedRows,
    };
  }

  #post(message: ToThread): void {
    this.#thread.postMessage(message);
  }

  #hear(message: FromThread): void {
    switch (message.kind) {
      case "stopped":
        this.#say(`not written at the moment: ${message.why}; goes on when it can be`);
        return;
      case "goes-on":
        this.#say(`written again; ${this.droppedRows} rows are missing`);
        return;
      case "dropped":
        this.#lostRows += message.rows;
        this.#say(`${message.rows} rows cannot be written: ${message.why}`);
        return;
      case "flushed":
        this.#waits.get(message.id)?.();
        this.#waits.delete(message.id);
        return;
      case "closed":
        this.#lostRows += message.rows;
        this.#failed = message.why;
        this.#closed.resolve();
        return;
    }
  }

  /** The thread is gone, and all that it had. */
  #fail(why: string): void {
    if (this.#failed !== undefined) return;
    this.#failed = why;
    this.#lostRows += this.#given.rows - Number(Atomics.load(this.#done, 1));
    this.#say(`not written any more: ${why}`);
    for (const resolve of this.#waits.values()) resolve();
    this.#closed.resolve();
  }

  #say(text: string): void {
    this.#options.report(`overhear: history "${this.#options.path}": ${text}`);
  }
}

function segmentBytes({ bytes }: Keep): number {
  if (bytes === undefined) return SEGMENT_BYTES;
  return Math.max(MIN_SEGMENT_BYTES, Math.min(SEGMENT_BYTES, bytes / SEGMENTS_KEPT));
}
