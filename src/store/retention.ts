/** A database and how much of it is to be kept in, its oldest segments gone, a slice at a time, out. */
import type { Database } from "bun:sqlite";
import { statSync } from "node:fs";

/** Both: whichever is reached first. */
export interface Keep {
  readonly ageMs: number | undefined;
  readonly bytes: number | undefined;
}

/** Where in time we are; the wall clock may be set, the other may not. */
export interface Now {
  readonly bootId: string;
  /** CLOCK_BOOTTIME. */
  readonly bootNs: number;
  /** Wall clock when the run began, and the time since by the other clock, µs. */
  readonly steadyUs: number;
}

interface SegmentAge {
  readonly id: number;
  readonly last_id: number;
  readonly end_us: number;
  readonly end_ns: number;
  readonly boot_id: string | null;
  readonly is_replay: number;
  readonly rows: number;
}

/** Rows removed in one transaction: a few ms, between two batches. */
const SLICE_ROWS = 2000;
/** Pages given back to the file system at once. */
const SLICE_PAGES = 2000;

/** Rows that are of one time. */
const BY_ID = [
  "messages",
  "calls",
  "effects",
  "http",
  "noise",
  "coverage",
  "losses",
  "session_events",
  "connection_events",
];
/** Rows that later ones may name: gone when the last segment is that named them. */
const BY_USE = ["sessions", "exchanges", "channels", "parties"];
const BY_SEGMENT = ["call_sums", "connection_sums", "effect_sums"];

export class Retention {
  readonly #db: Database;
  readonly #path: string;
  readonly #runId: number;
  readonly #keep: Keep;

  constructor(db: Database, path: string, runId: number, keep: Keep) {
    this.#db = db;
    this.#path = path;
    this.#runId = runId;
    this.#keep = keep;
  }

  /**
   * Removes a slice of what is not to be kept. True: there is more to do. The newest segment always stays.
   * @throws SQLiteError
   */
  work(now: Now): boolean {
    const oldest = this.#expired(now);
    if (oldest !== undefined) {
      if (!this.#removeSlice(oldest)) this.#removeLast(oldest);
      return true;
    }
    return this.#giveBack();
  }

  /** The oldest segment, when it is too old or there is too much; undefined: all is to be kept. */
  #expired(now: Now): SegmentAge | undefined {
    const { ageMs, bytes } = this.#keep;
    const segments = this.#db
      .query<SegmentAge, []>(
        "SELECT segments.id, last_id, segments.end_us, end_ns, boot_id, is_replay, messages + calls + connections AS rows FROM segments LEFT JOIN runs ON runs.id = run_id ORDER BY segments.id",
      )
      .all();
    const [oldest, ...others] = segments;
    if (oldest === undefined || others.length === 0) return undefined;
    if (bytes !== undefined && this.#usedBytes() > bytes) return oldest;
    if (ageMs === undefined) return undefined;
    // one from the future was stored while the wall clock was wrong: it is as old as what was stored next
    const age = segments.map((segment) => ageOf(segment, now)).find((each) => each >= 0) ?? 0;
    return age > ageMs ? oldest : undefined;
  }

  /** In use, the log included: free pages are given back one by one. */
  #usedBytes(): number {
    const pragma = (name: string) => {
      const row = this.#db.query<Record<string, number>, []>(`PRAGMA ${name}`).get();
      return Object.values(row ?? {})[0] ?? 0;
    };
    const pages = pragma("page_count") - pragma("freelist_count");
    const log = statSync(`${this.#path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
    return pages * pragma("page_size") + log;
  }

  /** True: it removed something. */
  #removeSlice({ id, last_id: lastId }: SegmentAge): boolean {
    for (const table of BY_ID) {
      if (this.#remove(table, "id <= ?1", [lastId])) return true;
    }
    // one that is open still is told of again when it ends
    const isOver = "id <= ?1 AND (end_us IS NOT NULL OR run_id <> ?2)";
    if (this.#remove("connections", isOver, [lastId, this.#runId])) return true;
    for (const table of BY_USE) {
      if (this.#remove(table, "id <= ?1 AND segment_id <= ?2", [lastId, id])) return true;
    }
    return false;
  }

  #remove(table: string, where: string, values: readonly number[]): boolean {
    const sql = `DELETE FROM ${table} WHERE id IN (SELECT id FROM ${table} WHERE ${where} LIMIT ${SLICE_ROWS})`;
    return this.#db.query(sql).run(...values).changes > 0;
  }

  /** Nothing is left but sums and the segment itself. */
  #removeLast({ id, end_us: endUs, rows }: SegmentAge): void {
    const remove = this.#db.transaction(() => {
      for (const table of BY_SEGMENT) {
        this.#db.query(`DELETE FROM ${table} WHERE segment_id <= ?`).run(id);
      }
      for (const table of ["tools", "hosts"]) {
        this.#db.query(`DELETE FROM ${table} WHERE segment_id <= ?`).run(id);
      }
      this.#db.query("DELETE FROM segments WHERE id <= ?").run(id);
      this.#db
        .query(
          "DELETE FROM runs WHERE end_us IS NOT NULL AND id NOT IN (SELECT run_id FROM segments)",
        )
        .run();
      this.#db.query("UPDATE removed SET rows = rows + ?1, before_us = ?2").run(rows, endUs);
    });
    remove.immediate();
  }

  /** True: there were free pages. */
  #giveBack(): boolean {
    const free = this.#db
      .query<{ freelist_count: number }, []>("PRAGMA freelist_count")
      .get()?.freelist_count;
    // some stay for what comes next
    if (free === undefined || free < SLICE_PAGES) return false;
    this.#db.run(`PRAGMA incremental_vacuum(${SLICE_PAGES})`);
    return true;
  }
}

/** In ms; negative: it seems to be of the future. */
function ageOf({ boot_id, end_ns, end_us, is_replay }: SegmentAge, now: Now): number {
  if (boot_id === now.bootId && is_replay === 0) return (now.bootNs - end_ns) / 1e6;
  return (now.steadyUs - end_us) / 1000;
}
