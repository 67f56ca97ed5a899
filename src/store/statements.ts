/** SQL in, prepared statements out, all of which end together: a database is closed only when none is left. */
import type { Database, SQLQueryBindings } from "bun:sqlite";

export class Statements implements Disposable {
  readonly #db: Database;
  readonly #all: Disposable[] = [];

  constructor(db: Database) {
    this.#db = db;
  }

  prepare<Row = unknown, Values extends SQLQueryBindings[] = SQLQueryBindings[]>(sql: string) {
    const statement = this.#db.prepare<Row, Values>(sql);
    this.#all.push(statement);
    return statement;
  }

  [Symbol.dispose](): void {
    for (const statement of this.#all.splice(0)) statement[Symbol.dispose]();
  }
}
