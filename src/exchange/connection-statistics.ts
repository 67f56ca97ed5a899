/** Counts connections by program and destination, in a bounded number of rows. */
import type { Connection, ConnectionLine } from "../connections/types.ts";
import { destinationOf } from "../destination.ts";
import { processName } from "../names.ts";
import { copyText } from "../text.ts";
import { LatencyHistogram } from "./latency-histogram.ts";
import type { ConnectionStatistics, ConnectionTotals } from "./types.ts";

const OTHER = "(other)";
/** Of destinations that change with each attempt; those behind are one row. */
const MAX_ROWS = 10_000;

interface Row {
  readonly process: string;
  readonly direction: Connection["direction"];
  readonly protocol: Connection["protocol"];
  readonly destination: string;
  readonly latency: LatencyHistogram;
  readonly failures: Map<string, number>;
  attempts: number;
  sentBytes: number;
  receivedBytes: number;
}

/** An attempt that came to nothing, or a connection that ended otherwise than by being closed. */
function isFailure({ outcome }: Connection): boolean {
  return outcome !== "established" && outcome !== "closed" && outcome !== "in_progress";
}

export class ConnectionCounts {
  readonly #rows = new Map<string, Row>();
  readonly #failures = new Map<string, number>();
  /** Told to be open, by id: their bytes are counted at their end. */
  readonly #open = new Map<string, Row>();
  #attempts = 0;

  /** A connection has one or two lines: it counts once. */
  add({ event, connection }: ConnectionLine): void {
    const known = this.#open.get(connection.id);
    const row = known ?? this.#rowOf(connection);
    if (known === undefined) {
      this.#attempts++;
      row.attempts++;
      if (connection.latencyMs !== undefined) row.latency.add(connection.latencyMs);
    }
    if (event === "end") {
      this.#open.delete(connection.id);
      row.sentBytes += connection.sentBytes;
      row.receivedBytes += connection.receivedBytes;
      if (isFailure(connection)) {
        count(this.#failures, connection.outcome);
        count(row.failures, connection.outcome);
      }
    } else this.#open.set(connection.id, row);
  }

  /** `undefined` when there was none. Of those that are open still, bytes are in no row. */
  totals(): ConnectionTotals | undefined {
    if (this.#attempts === 0) return undefined;
    const rows = [...this.#rows.values()].map(statisticsOf);
    rows.sort((a, b) => b.attempts - a.attempts || (a.destination < b.destination ? -1 : 1));
    return {
      attempts: this.#attempts,
      failures: Object.fromEntries(this.#failures),
      open: this.#open.size,
      rows,
    };
  }

  #rowOf(connection: Connection): Row {
    const { direction, protocol } = connection;
    const process = connection.process === undefined ? "unknown" : processName(connection.process);
    const destination = destinationOf(connection);
    const key = `${direction} ${protocol} ${process}\0${destination}`;
    const known = this.#rows.get(key);
    if (known !== undefined) return known;
    const isFull = this.#rows.size >= MAX_ROWS;
    const otherKey = `${direction} ${protocol} ${OTHER}`;
    const other = isFull ? this.#rows.get(otherKey) : undefined;
    if (other !== undefined) return other;
    const row: Row = {
      process: isFull ? OTHER : copyText(process),
      direction,
      protocol,
      destination: isFull ? OTHER : copyText(destination),
      latency: new LatencyHistogram(),
      failures: new Map(),
      attempts: 0,
      sentBytes: 0,
      receivedBytes: 0,
    };
    this.#rows.set(isFull ? otherKey : key, row);
    return row;
  }
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function statisticsOf(row: Row): ConnectionStatistics {
  const { latency, failures, ...rest } = row;
  return {
    ...rest,
    failures: Object.fromEntries(failures),
    p50Ms: latency.percentile(0.5),
    p95Ms: latency.percentile(0.95),
  };
}
