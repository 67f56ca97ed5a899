/** Batches from the capture's thread in, rows of the database out, as long as there is room; runs on a thread of its own. */
import type { Database } from "bun:sqlite";
import { readFileSync } from "node:fs";
import type { Batch, RunEnd } from "./batch.ts";
import { databaseErrorText, isOfSurroundings } from "./database-error.ts";
import type { Mask } from "./masking.ts";
import { openForWriting } from "./open-database.ts";
import { type Keep, Retention } from "./retention.ts";
import { readBootId } from "./run-row.ts";
import { Writer } from "./writer.ts";

export interface ThreadOptions {
  /** As prepareDatabase gave it. */
  readonly path: string;
  readonly runId: number;
  readonly isRedacted: boolean;
  readonly maxBodyBytes: number;
  readonly keep: Keep;
  /** Seen by both threads: bytes, and rows, of the batches that it is done with. */
  readonly done: BigInt64Array;
}

/** A text is a Batch in JSON: its copy costs the capture's thread a fifth of what a copy of all its cells would. */
export type ToThread =
  | string
  | { readonly kind: "open"; readonly options: ThreadOptions }
  | { readonly kind: "flush"; readonly id: number }
  | { readonly kind: "end"; readonly end: RunEnd };

export type FromThread =
  /** It cannot be written now, and will be tried again. */
  | { readonly kind: "stopped"; readonly why: string }
  | { readonly kind: "goes-on" }
  /** Rows that could never be written. */
  | { readonly kind: "dropped"; readonly rows: number; readonly why: string }
  | { readonly kind: "flushed"; readonly id: number }
  /** The last word. `rows`: what was not stored any more. */
  | { readonly kind: "closed"; readonly rows: number; readonly why: string | undefined };

/** Batches are gathered so long: one transaction for many of them. */
const GATHER_MS = 150;
/** So many bytes are not waited for. */
const MAX_GATHERED_BYTES = 1 << 21;
const RETRY_MS = 1000;
/** How often retention looks, and how often while there is something to remove. */
const LOOK_MS = 10_000;
const SLICE_MS = 20;

export class StoreThread {
  readonly #options: ThreadOptions;
  readonly #tell: (message: FromThread) => void;
  readonly #db: Database;
  readonly #writer: Writer;
  readonly #retention: Retention;
  readonly #bootId = readBootId();
  readonly #startUs = Date.now() * 1000;
  readonly #startBootNs = bootNs();
  #waiting: Batch[] = [];
  #waitingBytes = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #chores: ReturnType<typeof setTimeout> | undefined;
  #stopped: string | undefined;
  #isClosed = false;

  /** @throws OutputError */
  constructor(options: ThreadOptions, mask: Mask | undefined, tell: (message: FromThread) => void) {
    this.#options = options;
    this.#tell = tell;
    this.#db = openForWriting(options.path);
    const { runId, maxBodyBytes, path, keep } = options;
    this.#writer = new Writer(this.#db, { runId, maxBodyBytes, mask });
    this.#retention = new Retention(this.#db, path, runId, keep);
    if (keep.ageMs !== undefined || keep.bytes !== undefined) this.#look(0);
  }

  batch(json: string): void {
    if (this.#isClosed) return;
    const batch: Batch = JSON.parse(json);
    this.#waiting.push(batch);
    this.#waitingBytes += batch.bytes;
    // while it cannot write, only its own turn tries
    if (this.#stopped !== undefined) return;
    if (this.#waitingBytes >= MAX_GATHERED_BYTES) this.#write();
    else this.#timer ??= setTimeout(() => this.#write(), GATHER_MS);
  }

  flush(id: number): void {
    if (this.#stopped === undefined) this.#write();
    this.#tell({ kind: "flushed", id });
  }

  end(end: RunEnd): void {
    clearTimeout(this.#chores);
    this.#write();
    clearTimeout(this.#timer);
    let why = this.#stopped;
    const rows = this.#waiting.reduce((sum, batch) => sum + batch.rows, 0);
    try {
      this.#writer.end({ ...end, droppedRows: end.droppedRows + rows });
    } catch (error) {
      why ??= databaseErrorText(error);
    }
    this.#isClosed = true;
    this.#close();
    this.#tell({ kind: "closed", rows, why });
  }

  #close(): void {
    try {
      this.#db.run("PRAGMA optimize");
      this.#db.run("PRAGMA wal_checkpoint(TRUNCATE)");
    } catch {
      // the log stays beside it, as after a kill, and the next to open it goes on from there
    }
    this.#writer[Symbol.dispose]();
    this.#db.close();
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting.length === 0) return;
    try {
      this.#writer.write(this.#waiting);
      this.#take(this.#waiting.length);
    } catch (error) {
      if (isOfSurroundings(error)) this.#stop(error);
      else this.#writeSingly();
    }
    if (this.#stopped !== undefined && this.#waiting.length === 0) {
      this.#stopped = undefined;
      this.#tell({ kind: "goes-on" });
    }
  }

  /** One of the batches cannot be written whatever happens: it keeps nothing from the others. */
  #writeSingly(): void {
    for (let batch = this.#waiting[0]; batch !== undefined; batch = this.#waiting[0]) {
      try {
        this.#writer.write([batch]);
      } catch (error) {
        if (isOfSurroundings(error)) {
          this.#stop(error);
          return;
        }
        this.#tell({ kind: "dropped", rows: batch.rows, why: databaseErrorText(error) });
      }
      this.#take(1);
    }
  }

  #stop(error: unknown): void {
    const why = databaseErrorText(error);
    if (this.#stopped === undefined) this.#tell({ kind: "stopped", why });
    this.#stopped = why;
    this.#timer = setTimeout(() => this.#write(), RETRY_MS);
  }

  #take(count: number): void {
    const taken = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    const bytes = taken.reduce((sum, batch) => sum + batch.bytes, 0);
    const rows = taken.reduce((sum, batch) => sum + batch.rows, 0);
    this.#waitingBytes -= bytes;
    Atomics.add(this.#options.done, 0, BigInt(bytes));
    Atomics.add(this.#options.done, 1, BigInt(rows));
  }

  #look(ms: number): void {
    this.#chores = setTimeout(() => {
      let isMore = false;
      try {
        isMore = this.#retention.work(this.#now());
        if (isMore) this.#writer.forget();
      } catch (error) {
        // a full disk, a lock: what is written next tells of it
        if (!isOfSurroundings(error)) throw error;
      }
      this.#look(isMore ? SLICE_MS : LOOK_MS);
    }, ms);
  }

  #now() {
    const now = bootNs();
    const steadyUs = this.#startUs + (now - this.#startBootNs) / 1000;
    return { bootId: this.#bootId, bootNs: now, steadyUs };
  }
}

/** CLOCK_BOOTTIME, to some 10 ms: time asleep counts, and nobody sets it. */
function bootNs(): number {
  return Number.parseFloat(readFileSync("/proc/uptime", "utf8")) * 1e9;
}
