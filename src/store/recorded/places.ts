/** Rows that name parties, channels and HTTP exchanges in, how recorded lines show those out. */
import type { Database, Statement } from "bun:sqlite";
import { RecentMap } from "../../recent-map.ts";
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

/** Ends, channels and exchanges that are remembered. */
const MAX_REMEMBERED = 16_384;

export class Places {
  readonly #parties: Lookup;
  readonly #channels: Lookup;
  readonly #exchanges: Lookup;

  constructor(db: Database) {
    this.#parties = new Lookup(db, "parties");
    this.#channels = new Lookup(db, "channels");
    this.#exchanges = new Lookup(db, "exchanges");
  }

  exchange(row: Row): Row | undefined {
    return this.#exchanges.get(row["exchange_id"]);
  }

  /** The exchange as a line on one of its sides shows it. */
  place(row: Row, exchange: Row, isRequest: boolean, mode?: string): RecordedLine {
    const own = (column: string) => {
      const asked = exchange[`request_${column}`];
      return isRequest ? asked : (exchange[`response_${column}`] ?? asked);
    };
    const version = isRequest ? exchange["request_version"] : exchange["response_version"];
    return {
      is_request: isRequest,
      ...this.#ends(row),
      exchange: exchange["number"],
      ...named("host", exchange["host"]),
      ...named("method", exchange["method"]),
      ...named("path", exchange["path"]),
      ...(isRequest ? {} : named("status", exchange["status"])),
      ...named("version", version),
      ...named("session_id", own("session_id")),
      ...named("protocol_version", own("protocol_version")),
      ...named("mcp_method", exchange["mcp_method"]),
      ...named("mcp_name", exchange["mcp_name"]),
      ...named("mode", mode ?? null),
      ...named("event_id", row["event_id"]),
    };
  }

  /** Of a line that is about a channel. */
  hop(row: Row): RecordedLine {
    const channel = this.#channels.get(row["channel_id"]);
    if (channel === undefined) return {};
    const isConnection = channel["kind"] === "tcp" || channel["kind"] === "tls";
    const transport = isConnection ? "http" : "stdio";
    return { transport_type: transport, [`${transport}_transport`]: this.#ends(row) };
  }

  #ends(row: Row): RecordedLine {
    const channel = this.#channels.get(row["channel_id"]);
    return {
      ...this.#end("from", row, channel),
      ...this.#end("to", row, channel),
      ...named("channel", channel?.["name"]),
    };
  }

  #end(side: "from" | "to", row: Row, channel: Row | undefined): RecordedLine {
    const party = this.#parties.get(row[`${side}_id`]);
    if (party === undefined) return {};
    if (party["pid"] !== null) {
      return { [`${side}_pid`]: party["pid"], [`${side}_comm`]: party["comm"] };
    }
    const address = text(party, "address") ?? "";
    const isHere = channel?.[`${side}_address`] === address;
    const port = isHere ? channel?.[`${side}_port`] : undefined;
    return { [`${side}_address`]: joined(address, port ?? undefined) };
  }

  /** `untilUs`: an exit is told of when it was before. */
  party(row: Row, column: string, untilUs?: number): RecordedLine | null {
    const party = this.#parties.get(row[column]);
    if (party === undefined) return null;
    if (party["pid"] === null) return { address: party["address"] };
    const exitUs = optional(party, "exit_us");
    const hasEnded = exitUs !== undefined && untilUs !== undefined && exitUs <= untilUs;
    return {
      pid: party["pid"],
      start_time: isoText(number(party, "start_us")),
      comm: party["comm"],
      command_line: listed(text(party, "command_line")),
      ...named("container_id", party["container_id"]),
      ...(hasEnded ? { exit: { code: party["exit_code"], signal: party["exit_signal"] } } : {}),
    };
  }
}

/** Rows that many lines name. */
class Lookup {
  readonly #statement: Statement<Row, [number]>;
  readonly #known = new RecentMap<number, Row>(MAX_REMEMBERED);

  constructor(db: Database, table: string) {
    this.#statement = db.prepare(`SELECT * FROM ${table} WHERE id = ?`);
  }

  get(id: string | number | null | undefined): Row | undefined {
    if (typeof id !== "number") return undefined;
    const row = this.#known.get(id) ?? this.#statement.get(id) ?? undefined;
    if (row !== undefined) this.#known.set(id, row);
    return row;
  }
}
