/** Lines about noise in, sums by who said it out. */
import { serverName } from "../names.ts";
import { isMoreTelling } from "./session/untold-noise.ts";
import type { NoiseLine, NoiseStatistics, Session } from "./types.ts";

/** Sessions that are told apart until the end: their servers may say their names later. */
const MAX_ROWS = 1_000;

interface Row {
  readonly session: Session;
  readonly direction: NoiseLine["direction"];
  lines: number;
  bytes: number;
  text: string;
  holdsMessage: boolean;
}

type Sums = Omit<Row, "session" | "direction">;

export class NoiseCounts {
  readonly #rows = new Map<string, Row>();

  add(line: NoiseLine): void {
    const { session, direction } = line;
    const key = `${direction} ${session.id}`;
    const row = this.#rows.get(key);
    if (row !== undefined) sumUp(row, line);
    else if (this.#rows.size < MAX_ROWS)
      this.#rows.set(key, { ...copyOf(line), session, direction });
  }

  /** Most bytes first. */
  list(): readonly NoiseStatistics[] {
    const byServer = new Map<string, NoiseStatistics & Sums>();
    for (const row of this.#rows.values()) {
      const server = serverName(row.session);
      const { direction } = row;
      const key = `${direction} ${server}`;
      const known = byServer.get(key);
      if (known !== undefined) sumUp(known, row);
      else byServer.set(key, { server, direction, ...copyOf(row) });
    }
    const rows = [...byServer.values()].filter(({ text }) => text !== "");
    return rows.sort((one, other) => other.bytes - one.bytes);
  }
}

function copyOf({ lines, bytes, text, holdsMessage }: Sums): Sums {
  return { lines, bytes, text, holdsMessage };
}

function sumUp(row: Sums, more: Readonly<Sums>): void {
  row.lines += more.lines;
  row.bytes += more.bytes;
  if (isMoreTelling(more, row)) row.text = more.text;
  row.holdsMessage ||= more.holdsMessage;
}
