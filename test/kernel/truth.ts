/** The logs that test/traffic writes in, what was said and what was moved out. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { at, type Json, numberAt, parseObject, textAt } from "./json.ts";

export type Direction = "c2s" | "s2c";

export interface TruthMessage {
  readonly pid: number;
  readonly direction: Direction;
  readonly type: "request" | "notification" | "response";
  /** −1: none. */
  readonly id: number;
  /** On the wire, line end included. */
  readonly bytes: number;
  /** CRC-32 of the line without its end. */
  readonly crc: number;
  readonly fromNs: number;
  readonly untilNs: number;
  readonly afterGo: boolean;
}

export interface Truth {
  /** In the order of each process's log. */
  readonly written: readonly TruthMessage[];
  readonly read: readonly TruthMessage[];
  /** Written, and by design never read. */
  readonly unread: readonly TruthMessage[];
  /** Bytes that came out of each direction after the go. */
  readonly readBytes: Readonly<Record<Direction, number>>;
  /** Bytes that went in after the go. */
  readonly writtenBytes: Readonly<Record<Direction, number>>;
  readonly clients: ReadonlySet<number>;
  readonly servers: ReadonlySet<number>;
}

interface Log {
  readonly messages: Readonly<Record<string, TruthMessage[]>>;
  readonly bytes: Readonly<Record<string, Record<Direction, number>>>;
}

export function readTruth(directory: string): Truth {
  const log: Log = {
    messages: { w: [], r: [], u: [] },
    bytes: { read: { c2s: 0, s2c: 0 }, written: { c2s: 0, s2c: 0 } },
  };
  const pids = { client: new Set<number>(), server: new Set<number>() };
  for (const file of readdirSync(directory)) {
    const role = file.startsWith("client-") ? "client" : "server";
    pids[role].add(Number(/-(\d+)\.jsonl$/.exec(file)?.[1]));
    const lines = readFileSync(join(directory, file), "utf8").split("\n");
    for (const line of lines) if (line !== "") take(log, parseObject(line));
  }
  return {
    written: log.messages["w"] ?? [],
    read: log.messages["r"] ?? [],
    unread: log.messages["u"] ?? [],
    readBytes: log.bytes["read"] ?? { c2s: 0, s2c: 0 },
    writtenBytes: log.bytes["written"] ?? { c2s: 0, s2c: 0 },
    clients: pids.client,
    servers: pids.server,
  };
}

function take(log: Log, entry: Json): void {
  const direction: Direction = entry["chan"] === "c2s" ? "c2s" : "s2c";
  const counted = log.bytes[textAt(entry, "what")];
  if (counted !== undefined) counted[direction] += numberAt(entry, "afterGo");
  log.messages[textAt(entry, "kind")]?.push(parseMessage(entry, direction));
}

function parseMessage(entry: unknown, direction: Direction): TruthMessage {
  const type = textAt(entry, "type");
  return {
    pid: numberAt(entry, "pid"),
    direction,
    type: type === "request" || type === "notification" ? type : "response",
    id: numberAt(entry, "id"),
    bytes: numberAt(entry, "bytes"),
    crc: numberAt(entry, "crc"),
    fromNs: numberAt(entry, "fromNs"),
    untilNs: numberAt(entry, "untilNs"),
    afterGo: at(entry, "afterGo") === true,
  };
}
