/** A history in a temporary folder for tests: what is given to it is written at once, on the same thread. */

import type { Database } from "bun:sqlite";
import { dirname, join } from "node:path";
import type { Endpoint, Process } from "../../../src/capture/types.ts";
import type { ExchangeItem } from "../../../src/exchange/types.ts";
import type { WallClock } from "../../../src/sinks/types.ts";
import { prepareDatabase } from "../../../src/store/database-file.ts";
import type { Mask } from "../../../src/store/masking.ts";
import { openForReading, openForWriting } from "../../../src/store/open-database.ts";
import { HistoryReader } from "../../../src/store/reader.ts";
import { Recorder } from "../../../src/store/recorder.ts";
import { startRun } from "../../../src/store/run-row.ts";
import { Writer } from "../../../src/store/writer.ts";
import { clock as defaultClock } from "../sinks/items.ts";
import { TemporaryFolder } from "../sinks/temporary-folder.ts";

export interface HistorySettings {
  readonly path?: string;
  readonly clock?: WallClock;
  readonly mask?: Mask;
  readonly maxBodyBytes?: number;
  readonly segmentBytes?: number;
  readonly isReplay?: boolean;
  readonly isOwn?: (process: Process) => boolean;
  readonly isOwnEnd?: (end: Endpoint) => boolean;
}

export class TestHistory implements Disposable {
  readonly path: string;
  readonly db: Database;
  readonly runId: number;
  readonly recorder: Recorder;
  readonly writer: Writer;
  readonly #folder: TemporaryFolder | undefined;

  constructor(settings: HistorySettings = {}) {
    const { mask, maxBodyBytes = 65_536, segmentBytes = 1 << 26, isReplay = false } = settings;
    this.#folder = settings.path === undefined ? new TemporaryFolder() : undefined;
    this.path = prepareDatabase(settings.path ?? this.#folder?.at("history.db") ?? "", undefined);
    this.db = openForWriting(this.path);
    const started = startRun(this.db, {
      path: this.path,
      startUs: 0,
      version: "test",
      isReplay,
      isRedacted: mask !== undefined,
      maxBodyBytes,
      recordsFiles: false,
    });
    this.runId = started.runId;
    this.recorder = new Recorder({
      clock: settings.clock ?? defaultClock,
      ...started,
      maxBodyBytes,
      bodyMargin: mask === undefined ? 0 : 4096,
      segmentBytes,
      isOwn: settings.isOwn ?? (() => false),
      isOwnEnd: settings.isOwnEnd ?? (() => false),
    });
    this.writer = new Writer(this.db, { runId: started.runId, mask, maxBodyBytes });
  }

  store(items: readonly ExchangeItem[]): this {
    this.writer.write(this.recorder.record(items, () => "all"));
    return this;
  }

  /** As an orderly end would. */
  end(endedBy = "signal"): this {
    this.writer.end({
      endUs: 1,
      endedBy,
      frontEnd: "fexit",
      kernel: "6.12.1",
      exact: true,
      summary: "{}",
      droppedRows: 0,
    });
    return this;
  }

  rows(sql: string): unknown[] {
    return this.db.query(sql).all();
  }

  read<Result>(ask: (db: Database) => Result): Result {
    using db = openForReading(this.path);
    return ask(db);
  }

  reader(): HistoryReader {
    return new HistoryReader(this.path);
  }

  at(name: string): string {
    return join(dirname(this.path), name);
  }

  [Symbol.dispose](): void {
    this.writer[Symbol.dispose]();
    this.db.close();
    this.#folder?.[Symbol.dispose]();
  }
}
