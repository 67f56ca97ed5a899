/** Rows of connections and of what calls caused in, recorded lines of them out. */
import type { Database, Statement } from "bun:sqlite";
import type { Places } from "./places.ts";
import {
  isoText,
  joined,
  listed,
  named,
  number,
  optional,
  type RecordedLine,
  type Row,
  text,
} from "./row.ts";

export class EffectLines {
  readonly #places: Places;
  readonly #ofCall: Statement<Row, [number]>;
  readonly #connection: Statement<Row, [number]>;
  readonly #party: Statement<Row, [number]>;

  constructor(db: Database, places: Places) {
    this.#places = places;
    this.#ofCall = db.prepare(
      "SELECT * FROM effects WHERE call_id = ? AND is_late = 0 ORDER BY effects.id",
    );
    this.#connection = db.prepare("SELECT * FROM connections WHERE id = ?");
    this.#party = db.prepare("SELECT * FROM parties WHERE id = ?");
  }

  /** As it was at the event: what is only known at its end is not on the line before. */
  connection(row: Row): RecordedLine {
    const isEnd = row["event"] === "end";
    const timeUs = number(row, "time_us");
    const names = namesOf(row).filter(({ seenUs }) => seenUs <= timeUs);
    const peer = this.#places.party(row, "peer_id");
    return {
      event: row["event"],
      connection: row["name"],
      direction: row["direction"],
      protocol: row["protocol"],
      family: row["family"],
      socket_type: row["socket_type"],
      process: this.#places.party(row, "process_id"),
      ...endpoint("local", row),
      ...endpoint("remote", row),
      ...named("path", row["path"]),
      ...(peer === null ? {} : { peer }),
      ...(names.length === 0 ? {} : { names: names.map(({ line }) => line) }),
      start: isoText(number(row, "start_us")),
      ...timeOf("established", row, "established_us"),
      open_before: row["open_before"] === 1,
      outcome: row["outcome_then"],
      ...(isEnd ? named("errno", row["errno"]) : {}),
      ...millisOf("latency_ms", optional(row, "latency_us")),
      ...(isEnd ? millisOf("duration_ms", optional(row, "lasted_us")) : {}),
      sent_bytes: row["sent_then"],
      received_bytes: row["received_then"],
      ...(isEnd ? named("closed_by", row["closed_by"]) : {}),
    };
  }

  /** What a call caused until it ended is on its line; what came later is a line of its own. */
  line(row: Row): RecordedLine {
    const id = parsed(text(row, "rpc_id") ?? "null");
    const target = text(row, "target");
    const of = {
      session: row["session"],
      id,
      method: row["method"],
      ...(target === undefined || target === "" ? {} : { target }),
    };
    if (row["is_late"] === 1) {
      const timestamp = isoText(number(row, "time_us"));
      return { kind: "effect", timestamp, ...of, effect: this.#effect(row) };
    }
    const effects = this.#ofCall.all(number(row, "call_id")).map((each) => this.#effect(each));
    return { kind: "call", timestamp: isoText(number(row, "end_us")), ...of, effects };
  }

  #effect(row: Row): RecordedLine {
    const process = this.#party.get(number(row, "process_id"));
    const candidates = listed(text(row, "candidates")).map(parsed);
    return {
      kind: row["kind"],
      timestamp: isoText(number(row, "time_us")),
      pid: process?.["pid"] ?? 0,
      comm: process?.["comm"] ?? "",
      ...this.#details(row, process),
      ...(candidates.length === 0 ? {} : { candidates }),
    };
  }

  #details(row: Row, process: Row | null): RecordedLine {
    switch (row["kind"]) {
      case "exec": {
        const exitUs = process === null ? undefined : optional(process, "exit_us");
        const argv = listed(text(row, "argv"));
        if (process === null || exitUs === undefined) return { argv };
        const exit = { code: process["exit_code"], signal: process["exit_signal"] };
        return { argv, exit, ...millisOf("duration_ms", exitUs - number(row, "time_us")) };
      }
      case "fork":
        return { child_pid: this.#party.get(number(row, "child_id"))?.["pid"] ?? 0 };
      case "connect": {
        const connection = this.#connection.get(number(row, "connection_id"));
        return connection === null ? {} : target(connection, row["outcome"]);
      }
      default:
        return {
          change: row["change"],
          path: row["path"],
          ...named("to", row["to_path"]),
        };
    }
  }
}

/** As much of a connection as an effect tells. */
function target(row: Row, outcome: Row[string] | undefined): RecordedLine {
  const isKnown = outcome !== "in_progress";
  return {
    connection: row["name"],
    protocol: row["protocol"],
    destination: destinationOf(row),
    outcome,
    ...(isKnown ? named("errno", row["errno"]) : {}),
    ...(isKnown ? millisOf("latency_ms", optional(row, "latency_us")) : {}),
  };
}

/** By name where one was said, with the port. */
function destinationOf(row: Row): string {
  if (row["protocol"] === "unix") return text(row, "path") ?? "(unnamed)";
  const host = text(row, "host_name") ?? text(row, "remote_address");
  return host === undefined ? "unknown" : joined(host, optional(row, "remote_port"));
}

interface SeenName {
  readonly seenUs: number;
  readonly line: RecordedLine;
}

function namesOf(row: Row): readonly SeenName[] {
  return listed(text(row, "names")).flatMap((entry) => {
    const [name, source, seenUs]: readonly unknown[] = Array.isArray(entry) ? entry : [];
    if (typeof seenUs !== "number") return [];
    return [{ seenUs, line: { name, source, seen: isoText(seenUs) } }];
  });
}

function endpoint(side: "local" | "remote", row: Row): RecordedLine {
  const address = row[`${side}_address`];
  const port = row[`${side}_port`];
  return address === null || port === null ? {} : { [side]: { address, port } };
}

function timeOf(key: string, row: Row, column: string): RecordedLine {
  const us = optional(row, column);
  return us === undefined ? {} : { [key]: isoText(us) };
}

function millisOf(key: string, us: number | undefined): RecordedLine {
  return us === undefined ? {} : { [key]: us / 1000 };
}

/** Ids are stored as their JSON text. */
function parsed(json: unknown): unknown {
  try {
    return typeof json === "string" ? JSON.parse(json) : json;
  } catch {
    return json;
  }
}
