/** Calls, connections and effects as they are written in, sums by segment out: many rows with one key become one. */
import type { Statement } from "bun:sqlite";
import type { ConnectionRow, EffectRow } from "./batch.ts";
import { aboutUs } from "./latency-class.ts";
import type { Statements } from "./statements.ts";

interface CallSum {
  readonly key: readonly [segment: number, tool: number, outcome: string, aboutUs: number];
  calls: number;
  totalUs: number;
  maxUs: number;
}

type ConnectionKey = readonly [
  segment: number,
  comm: string,
  host: number,
  port: number,
  direction: string,
  outcome: string,
  errno: string,
  aboutUs: number,
];

interface ConnectionSum {
  readonly key: ConnectionKey;
  connections: number;
  sentBytes: number;
  receivedBytes: number;
}

interface EffectSum {
  readonly key: readonly [segment: number, tool: number, kind: string, what: string];
  effects: number;
}

/** Names of programs are cut. */
const MAX_WHAT_CHARS = 256;

/** Gathers in memory until `write`. */
export class Sums {
  readonly #addCalls: Statement;
  readonly #addConnections: Statement;
  readonly #addEffects: Statement;
  readonly #calls = new Map<string, CallSum>();
  readonly #connections = new Map<string, ConnectionSum>();
  readonly #effects = new Map<string, EffectSum>();

  constructor(statements: Statements) {
    this.#addCalls = statements.prepare(
      "INSERT INTO call_sums VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET calls = calls + excluded.calls, total_us = total_us + excluded.total_us, max_us = max(max_us, excluded.max_us)",
    );
    this.#addConnections = statements.prepare(
      "INSERT INTO connection_sums VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET connections = connections + excluded.connections, sent_bytes = sent_bytes + excluded.sent_bytes, received_bytes = received_bytes + excluded.received_bytes",
    );
    this.#addEffects = statements.prepare(
      "INSERT INTO effect_sums VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET effects = effects + excluded.effects",
    );
  }

  /** A call that has ended. */
  call(segment: number, tool: number, outcome: string, durationUs: number | null): void {
    // 0: no duration is known
    const about = durationUs === null ? 0 : aboutUs(durationUs);
    const key = [segment, tool, outcome, about] as const;
    const sum = sumOf(this.#calls, key, () => ({ key, calls: 0, totalUs: 0, maxUs: 0 }));
    sum.calls++;
    sum.totalUs += durationUs ?? 0;
    sum.maxUs = Math.max(sum.maxUs, durationUs ?? 0);
  }

  /** `host`: 0 where none is known. `isTold`: the attempt counts; `isOver`: its bytes do. */
  connection(
    segment: number,
    row: ConnectionRow,
    host: number,
    { isTold, isOver }: { readonly isTold: boolean; readonly isOver: boolean },
  ): void {
    if (!isTold && !isOver) return;
    const about = row.latencyUs === null ? 0 : aboutUs(row.latencyUs);
    const outcome = row.established ? "established" : row.outcome;
    const errno = row.established ? "" : (row.errno ?? "");
    const { direction } = row;
    const port = row.remotePort ?? 0;
    const key = [
      segment,
      row.comm ?? "",
      host,
      port,
      direction,
      outcome,
      errno,
      about,
    ] as const satisfies ConnectionKey;
    const blank = { key, connections: 0, sentBytes: 0, receivedBytes: 0 };
    const sum = sumOf(this.#connections, key, () => blank);
    if (isTold) sum.connections++;
    if (!isOver) return;
    sum.sentBytes += row.sentBytes;
    sum.receivedBytes += row.receivedBytes;
  }

  effect(segment: number, tool: number, row: EffectRow): void {
    const key = [segment, tool, row.kind, whatOf(row)] as const;
    sumOf(this.#effects, key, () => ({ key, effects: 0 })).effects++;
  }

  /** Inside the transaction of the rows. @throws SQLiteError */
  write(): void {
    for (const { key, calls, totalUs, maxUs } of this.#calls.values()) {
      this.#addCalls.run(...key, calls, totalUs, maxUs);
    }
    for (const { key, connections, sentBytes, receivedBytes } of this.#connections.values()) {
      this.#addConnections.run(...key, connections, sentBytes, receivedBytes);
    }
    for (const { key, effects } of this.#effects.values()) this.#addEffects.run(...key, effects);
    this.forget();
  }

  /** The transaction was undone. */
  forget(): void {
    this.#calls.clear();
    this.#connections.clear();
    this.#effects.clear();
  }
}

function sumOf<Sum>(
  sums: Map<string, Sum>,
  key: readonly (string | number)[],
  make: () => Sum,
): Sum {
  const text = key.join("\0");
  const known = sums.get(text);
  if (known !== undefined) return known;
  const made = make();
  sums.set(text, made);
  return made;
}

/** The program that was run, the host and port that were reached, the change that was made. */
function whatOf({ kind, argv, host, namedHost, port, change }: EffectRow): string {
  switch (kind) {
    case "exec":
      return programOf(argv);
    case "connect": {
      const name = namedHost ?? host ?? "";
      return port === null ? name : `${name.includes(":") ? `[${name}]` : name}:${port}`;
    }
    case "file":
      return change ?? "";
    case "fork":
      return "";
  }
}

function programOf(argv: string | null): string {
  const words: unknown = argv === null ? [] : JSON.parse(argv);
  const first: unknown = Array.isArray(words) ? words[0] : undefined;
  const path = typeof first === "string" ? first : "";
  return path.slice(path.lastIndexOf("/") + 1).slice(0, MAX_WHAT_CHARS);
}
