/** A window of time in, the ids that may lie in it out: segments know both. */
import type { Database } from "bun:sqlite";
import type { Condition } from "./paging.ts";

/** Ids are given when a thing is heard, which may be so much later than it began. */
const SLACK_US = 60_000_000;

export interface Window {
  readonly sinceMs?: number | undefined;
  readonly untilMs?: number | undefined;
}

export interface IdRange {
  readonly first: number;
  readonly last: number;
}

/** Nothing outside of it is in the window; inside, each row's own time decides. */
export function idsWithin(db: Database, { sinceMs, untilMs }: Window): IdRange {
  const first =
    sinceMs === undefined
      ? 0
      : (db
          .query<{ id: number | null }, [number]>(
            "SELECT min(id) AS id FROM segments WHERE end_us >= ?",
          )
          .get(micros(sinceMs))?.id ?? Number.MAX_SAFE_INTEGER);
  const last =
    untilMs === undefined
      ? Number.MAX_SAFE_INTEGER
      : (db
          .query<{ id: number | null }, [number]>(
            "SELECT max(last_id) AS id FROM segments WHERE start_us <= ?",
          )
          .get(micros(untilMs) + SLACK_US)?.id ?? 0);
  return { first, last };
}

/** Of rows of a table: by their ids, and by the time in `column`. */
export function timesWithin(
  db: Database,
  table: string,
  column: string,
  window: Window,
): readonly Condition[] {
  const { sinceMs, untilMs } = window;
  if (sinceMs === undefined && untilMs === undefined) return [];
  const { first, last } = idsWithin(db, window);
  const since =
    sinceMs === undefined ? [] : [{ sql: `${table}.${column} >= ?`, values: [micros(sinceMs)] }];
  const until =
    untilMs === undefined ? [] : [{ sql: `${table}.${column} <= ?`, values: [micros(untilMs)] }];
  return [{ sql: `${table}.id BETWEEN ? AND ?`, values: [first, last] }, ...since, ...until];
}

/** How many began in the window: whole segments are counted already. */
export function countWithin(db: Database, what: "calls" | "connections", window: Window): number {
  const { first, last } = idsWithin(db, window);
  const since = window.sinceMs === undefined ? 0 : micros(window.sinceMs);
  const until = window.untilMs === undefined ? Number.MAX_SAFE_INTEGER : micros(window.untilMs);
  const segments = db
    .query<
      { id: number; last_id: number; start_us: number; end_us: number; n: number },
      [number, number]
    >(`SELECT id, last_id, start_us, end_us, ${what} AS n FROM segments WHERE id BETWEEN ? AND ?`)
    .all(first, last);
  let sum = 0;
  for (const segment of segments) {
    const isWhole = segment.start_us >= since && segment.end_us <= until;
    sum += isWhole
      ? segment.n
      : (db
          .query<{ n: number }, number[]>(
            `SELECT count(*) AS n FROM ${what} WHERE id BETWEEN ? AND ? AND start_us BETWEEN ? AND ?`,
          )
          .get(segment.id, segment.last_id, since, until)?.n ?? 0);
  }
  return sum;
}

export function micros(ms: number): number {
  return Math.floor(ms * 1000);
}
