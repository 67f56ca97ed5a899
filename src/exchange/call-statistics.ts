/** Counts finished calls by server, method and target, in a bounded number of rows. */

import { serverName } from "../names.ts";
import { capText, copyText } from "../text.ts";
import { LatencyHistogram } from "./latency-histogram.ts";
import type { CallLine, ToolStatistics } from "./types.ts";

const OTHER = "(other)";

interface Row {
  readonly server: string;
  readonly method: string;
  readonly target: string | undefined;
  readonly latency: LatencyHistogram;
  calls: number;
  errors: number;
}

export class CallStatistics {
  readonly #maxRows: number;
  /** server → method and target → row; three short lookups beat building one long key per call. */
  readonly #rows = new Map<string, Map<string, Map<string | undefined, Row>>>();
  #rowCount = 0;
  #other: Row | undefined;

  constructor(maxRows: number) {
    this.#maxRows = maxRows;
  }

  add(call: CallLine): void {
    const row = this.#rowOf(call);
    row.calls++;
    if (call.outcome === "error" || call.outcome === "tool_error") row.errors++;
    if (call.durationMs !== undefined) row.latency.add(call.durationMs);
  }

  /** Most calls first. */
  list(): readonly ToolStatistics[] {
    const rows = [...this.#all()].map(statisticsOf);
    rows.sort((a, b) => b.calls - a.calls || compareText(a.server, b.server));
    return this.#other === undefined ? rows : [...rows, statisticsOf(this.#other)];
  }

  *#all(): Generator<Row> {
    for (const methods of this.#rows.values()) {
      for (const targets of methods.values()) yield* targets.values();
    }
  }

  #rowOf(call: CallLine): Row {
    const server = serverName(call.session);
    const row = this.#rows.get(server)?.get(call.method)?.get(call.target);
    if (row !== undefined) return row;
    if (this.#rowCount >= this.#maxRows) {
      this.#other ??= newRow(OTHER, OTHER, undefined);
      return this.#other;
    }
    return this.#addRow(server, capMethod(call.method), call.target);
  }

  #addRow(server: string, method: string, target: string | undefined): Row {
    const methods = childOf(
      this.#rows,
      server,
      () => new Map<string, Map<string | undefined, Row>>(),
    );
    const targets = childOf(methods, method, () => new Map<string | undefined, Row>());
    return childOf(targets, target, () => {
      this.#rowCount++;
      return newRow(server, method, target);
    });
  }
}

/** A method is a slice of its wire line: the row keeps a short copy. */
function capMethod(method: string): string {
  return copyText(capText(method));
}

function childOf<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

function newRow(server: string, method: string, target: string | undefined): Row {
  return { server, method, target, latency: new LatencyHistogram(), calls: 0, errors: 0 };
}

function statisticsOf(row: Row): ToolStatistics {
  const { server, method, target, calls, errors, latency } = row;
  const p50Ms = latency.percentile(0.5);
  const p95Ms = latency.percentile(0.95);
  return { server, method, target, calls, errors, p50Ms, p95Ms };
}

function compareText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
