/** Rows in, one by one, a Batch of them out. */
import type {
  Batch,
  CallRow,
  Cell,
  ConnectionRow,
  EffectRow,
  PlainTable,
  SegmentRow,
} from "./batch.ts";

/** What a row takes besides its texts (estimate, bytes). */
const ROW_BYTES = 256;
const UNIT_BYTES = 2;

export class BatchBuilder {
  readonly #plain: Partial<Record<PlainTable, Cell[]>> = {};
  readonly #calls: CallRow[] = [];
  readonly #connections: ConnectionRow[] = [];
  readonly #effects: EffectRow[] = [];
  /** Of sessions: messages, calls, failed calls. */
  readonly #counts = new Map<number, readonly [number, number, number]>();
  #rows = 0;
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#rows === 0;
  }

  /** Cells in the order of the table's columns. */
  plain(table: PlainTable, cells: readonly Cell[]): void {
    let all = this.#plain[table];
    if (all === undefined) {
      all = [];
      this.#plain[table] = all;
    }
    for (const cell of cells) {
      all.push(cell);
      if (typeof cell === "string") this.#bytes += cell.length * UNIT_BYTES;
    }
    this.#note();
  }

  call(row: CallRow): void {
    this.#calls.push(row);
    this.#note();
  }

  connection(row: ConnectionRow): void {
    this.#connections.push(row);
    this.#note();
  }

  effect(row: EffectRow): void {
    this.#effects.push(row);
    this.#bytes += UNIT_BYTES * ((row.argv?.length ?? 0) + (row.path?.length ?? 0));
    this.#note();
  }

  counts(session: number, messages: number, calls: number, failedCalls: number): void {
    this.#counts.set(session, [messages, calls, failedCalls]);
  }

  build(segment: SegmentRow, ownSessions: number, droppedRows: number): Batch {
    return {
      segment,
      plain: this.#plain,
      calls: this.#calls,
      connections: this.#connections,
      effects: this.#effects,
      counts: [...this.#counts].flatMap(([session, counts]) => [session, ...counts]),
      ownSessions,
      droppedRows,
      rows: this.#rows,
      bytes: this.#bytes,
    };
  }

  #note(): void {
    this.#rows++;
    this.#bytes += ROW_BYTES;
  }
}
