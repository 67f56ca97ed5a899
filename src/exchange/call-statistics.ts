/** Counts finished calls by server, transport, method and target, in a bounded number of rows. */

import { destinationOf, isLookup } from "../destination.ts";
import type { Effect } from "../effects/types.ts";
import { serverName } from "../names.ts";
import { capText, copyText } from "../text.ts";
import { LatencyHistogram } from "./latency-histogram.ts";
import type { CallLine, EffectLine, OpenCall, ToolStatistics, Transport } from "./types.ts";

const OTHER = "(other)";

interface Row {
  readonly server: string;
  readonly transport: Transport;
  readonly method: string;
  readonly target: string | undefined;
  readonly latency: LatencyHistogram;
  calls: number;
  errors: number;
  cancelled: number;
  unanswered: number;
  open: number;
  /** undefined: there was none. */
  programs: Map<string, number> | undefined;
  reached: Map<string, number> | undefined;
}

/** Different programs and destinations of one row; the rest is one more, "(other)". */
const MAX_CAUSED = 100;

type Targets = Map<string | undefined, Row>;
type Methods = Map<string, Targets>;
type Servers = Map<string, Methods>;

export class CallStatistics {
  readonly #maxRows: number;
  /** Per transport: server → method → target → row; short lookups beat building one long key per call. */
  readonly #rows: Readonly<Record<Transport, Servers>> = { stdio: new Map(), http: new Map() };
  #rowCount = 0;
  #other: Row | undefined;

  constructor(maxRows: number) {
    this.#maxRows = maxRows;
  }

  add(call: CallLine): void {
    const row = this.#rowOf(call);
    const { outcome, durationMs } = call;
    row.calls++;
    if (outcome === "error" || outcome === "tool_error") row.errors++;
    else if (outcome === "cancelled") row.cancelled++;
    else if (outcome === "unanswered") row.unanswered++;
    // when what was cancelled is answered says nothing of how long the tool takes
    if (durationMs !== undefined && outcome !== "cancelled") row.latency.add(durationMs);
    for (const effect of call.effects ?? []) addEffect(row, effect);
  }

  /** What came after the line of its call. */
  addEffect({ session, method, target, effect }: EffectLine): void {
    const row = this.#rows[session.transport].get(serverName(session))?.get(method)?.get(target);
    if (row !== undefined) addEffect(row, effect);
  }

  /** Most calls first. `open`: what waits now. */
  list(open: readonly OpenCall[]): readonly ToolStatistics[] {
    for (const row of this.#all()) row.open = 0;
    if (this.#other !== undefined) this.#other.open = 0;
    for (const call of open) this.#rowOf(call).open++;
    const rows = [...this.#all()].map(statisticsOf);
    rows.sort((a, b) => b.calls + b.open - a.calls - a.open || compareText(a.server, b.server));
    return this.#other === undefined ? rows : [...rows, statisticsOf(this.#other)];
  }

  *#all(): Generator<Row> {
    for (const servers of Object.values(this.#rows)) {
      for (const methods of servers.values()) {
        for (const targets of methods.values()) yield* targets.values();
      }
    }
  }

  #rowOf(call: Pick<CallLine, "session" | "method" | "target">): Row {
    const { transport } = call.session;
    const server = serverName(call.session);
    const row = this.#rows[transport].get(server)?.get(call.method)?.get(call.target);
    if (row !== undefined) return row;
    if (this.#rowCount >= this.#maxRows) {
      this.#other ??= newRow(OTHER, transport, OTHER, undefined);
      return this.#other;
    }
    return this.#addRow(server, transport, capMethod(call.method), call.target);
  }

  #addRow(server: string, transport: Transport, method: string, target: string | undefined): Row {
    const methods = childOf(this.#rows[transport], server, (): Methods => new Map());
    const targets = childOf(methods, method, (): Targets => new Map());
    return childOf(targets, target, () => {
      this.#rowCount++;
      return newRow(server, transport, method, target);
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

function newRow(
  server: string,
  transport: Transport,
  method: string,
  target: string | undefined,
): Row {
  const latency = new LatencyHistogram();
  const counts = { calls: 0, errors: 0, cancelled: 0, unanswered: 0, open: 0 };
  const caused = { programs: undefined, reached: undefined };
  return { server, transport, method, target, latency, ...counts, ...caused };
}

/** What may be of another call as well is in no sum. */
function addEffect(row: Row, effect: Effect): void {
  if (effect.candidates.length > 0) return;
  if (effect.kind === "exec") {
    const program = effect.argv[0] ?? effect.process.comm;
    row.programs = count(row.programs, program.slice(program.lastIndexOf("/") + 1));
  } else if (effect.kind === "connect" && !isLookup(effect.connection)) {
    row.reached = count(row.reached, destinationOf(effect.connection));
  }
}

function count(counts: Map<string, number> = new Map(), key: string): Map<string, number> {
  const isFull = counts.size >= MAX_CAUSED && !counts.has(key);
  const name = isFull ? OTHER : capText(copyText(key));
  return counts.set(name, (counts.get(name) ?? 0) + 1);
}

function statisticsOf(row: Row): ToolStatistics {
  const { server, transport, method, target, calls, errors, cancelled, unanswered, open } = row;
  const { latency } = row;
  const p50Ms = latency.percentile(0.5);
  const p95Ms = latency.percentile(0.95);
  const programs = row.programs && Object.fromEntries(row.programs);
  const reached = row.reached && Object.fromEntries(row.reached);
  const counts = { calls, errors, cancelled, unanswered, open };
  return { server, transport, method, target, ...counts, p50Ms, p95Ms, programs, reached };
}

function compareText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
