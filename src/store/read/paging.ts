/** Conditions and the indexes that fit them in, the ids of one page, newest first, out. */
import type { Database } from "bun:sqlite";
import type { PageAsked } from "../types.ts";

export type Bound = string | number;

export interface Condition {
  readonly sql: string;
  readonly values: readonly Bound[];
}

/** A way to the rows: all that have one key in one index come in the order of their ids. */
export interface Way extends Condition {
  /** After FROM: the table and its index. */
  readonly from: string;
  /** The column to go by, where it is another than the page's. */
  readonly id?: string;
}

/** Ways that are merged; of more keys than this, all rows are looked at instead. */
export const MAX_WAYS = 64;

export interface Ids {
  readonly ids: readonly number[];
  readonly more: boolean;
}

/** Of each way the newest rows, merged. `id`: the column to go by. */
export function pageOf(
  db: Database,
  ways: readonly Way[],
  rest: readonly Condition[],
  { before, limit }: PageAsked,
  id = "id",
): Ids {
  const ids = new Set<number>();
  for (const way of ways) {
    const column = way.id ?? id;
    const below: readonly Condition[] =
      before === undefined ? [] : [{ sql: `${column} < ?`, values: [before] }];
    const all = [way, ...rest, ...below].filter(({ sql }) => sql !== "");
    const where = all.length === 0 ? "" : ` WHERE ${all.map(({ sql }) => sql).join(" AND ")}`;
    const sql = `SELECT DISTINCT ${column} AS id FROM ${way.from}${where} ORDER BY ${column} DESC LIMIT ?`;
    const values = [...all.flatMap((each) => each.values), limit + 1];
    for (const row of db.query<{ id: number }, Bound[]>(sql).all(...values)) ids.add(row.id);
  }
  const sorted = [...ids].sort((one, other) => other - one);
  return { ids: sorted.slice(0, limit), more: sorted.length > limit };
}

/** "?, ?, ?" */
export function marks(values: readonly unknown[]): string {
  return values.map(() => "?").join(", ");
}

export function equals(column: string, value: Bound | undefined): readonly Condition[] {
  return value === undefined ? [] : [{ sql: `${column} = ?`, values: [value] }];
}

export function oneOf(column: string, values: readonly Bound[]): readonly Condition[] {
  if (values.length === 0) return [];
  return [{ sql: `${column} IN (${marks(values)})`, values }];
}

/** Text within any of the columns; case is the same (of ASCII, as SQLite has it). */
export function within(columns: readonly string[], text: string | undefined): readonly Condition[] {
  if (text === undefined || text === "") return [];
  const pattern = `%${text.replaceAll(/[\\%_]/g, "\\$&")}%`;
  return [
    {
      sql: `(${columns.map((column) => `${column} LIKE ? ESCAPE '\\'`).join(" OR ")})`,
      values: columns.map(() => pattern),
    },
  ];
}
