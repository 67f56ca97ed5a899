/** A host as a caller names it in, its row out. */
import type { Database } from "bun:sqlite";

/** An address, a name or a path, exactly; case is the same. Empty: nobody has reached it. */
export function hostIds(db: Database, host: string): readonly number[] {
  const row = db
    .query<{ id: number }, [string]>("SELECT id FROM hosts WHERE name = ?")
    .get(host.toLowerCase());
  return row === null ? [] : [row.id];
}
