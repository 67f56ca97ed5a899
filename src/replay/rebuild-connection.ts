/** A recorded line of kind `connection` in, the item that it was made from out. */
import type { Endpoint } from "../capture/types.ts";
import type { Connection, ConnectionLine, HostName } from "../connections/types.ts";
import { isProcess } from "../party.ts";
import {
  booleanField,
  countField,
  type Fields,
  fieldsField,
  listField,
  millisField,
  textField,
} from "./fields.ts";
import { parseTimestamp, type RecordedClock } from "./recorded-time.ts";
import type { RecordedWorld } from "./recorded-world.ts";

/** undefined: it makes no sense. */
export function readConnection(
  line: Fields,
  timeNs: number,
  clock: RecordedClock,
  world: RecordedWorld,
): ConnectionLine | undefined {
  const time = (key: string) => {
    const micros = parseTimestamp(textField(line, key));
    return micros === undefined ? undefined : clock.toNs(micros);
  };
  const process = (key: string) => {
    const party = world.party(fieldsField(line, key));
    return isProcess(party) ? party : undefined;
  };
  const event = oneOf(textField(line, "event"), EVENTS);
  const id = textField(line, "connection");
  const protocol = oneOf(textField(line, "protocol"), PROTOCOLS);
  const outcome = oneOf(textField(line, "outcome"), OUTCOMES);
  const startNs = time("start");
  if (event === undefined || id === undefined || protocol === undefined) return undefined;
  if (outcome === undefined || startNs === undefined) return undefined;
  const durationMs = millisField(line, "duration_ms");
  const connection: Connection = {
    id,
    process: process("process"),
    direction: oneOf(textField(line, "direction"), DIRECTIONS) ?? "outgoing",
    protocol,
    family: oneOf(textField(line, "family"), FAMILIES) ?? (protocol === "unix" ? "unix" : "inet"),
    socketType: oneOf(textField(line, "socket_type"), TYPES) ?? "stream",
    local: readEndpoint(fieldsField(line, "local")),
    remote: readEndpoint(fieldsField(line, "remote")),
    path: textField(line, "path"),
    peer: process("peer"),
    startNs,
    openBefore: booleanField(line, "open_before") ?? false,
    outcome,
    errno: textField(line, "errno"),
    establishedNs: time("established"),
    latencyMs: millisField(line, "latency_ms"),
    endNs: durationMs === undefined ? undefined : startNs + Math.round(durationMs * 1000) * 1000,
    sentBytes: countField(line, "sent_bytes") ?? 0,
    receivedBytes: countField(line, "received_bytes") ?? 0,
    closedBy: oneOf(textField(line, "closed_by"), SIDES),
    names: listField(line, "names").flatMap((name) => readName(name, clock) ?? []),
  };
  return { kind: "connection", event, connection, timeNs };
}

const EVENTS = ["start", "end", "open"] as const;
export const PROTOCOLS = ["tcp", "udp", "unix"] as const;
const DIRECTIONS = ["outgoing", "accepted"] as const;
const FAMILIES = ["inet", "inet6", "unix"] as const;
const TYPES = ["stream", "dgram", "seqpacket"] as const;
const SIDES = ["local", "remote"] as const;
const SOURCES = ["dns", "sni", "http"] as const;
export const OUTCOMES = [
  "in_progress",
  "established",
  "closed",
  "reset",
  "refused",
  "timed_out",
  "unreachable",
  "abandoned",
  "failed",
] as const;

export function oneOf<T extends string>(
  text: string | undefined,
  choices: readonly T[],
): T | undefined {
  return choices.find((choice) => choice === text);
}

function readEndpoint(fields: Fields | undefined): Endpoint | undefined {
  const address = textField(fields, "address");
  const port = countField(fields, "port");
  return address === undefined || port === undefined ? undefined : { address, port };
}

function readName(fields: Fields, clock: RecordedClock): HostName | undefined {
  const name = textField(fields, "name");
  const source = oneOf(textField(fields, "source"), SOURCES);
  const micros = parseTimestamp(textField(fields, "seen"));
  if (name === undefined || source === undefined || micros === undefined) return undefined;
  return { name, source, timeNs: clock.toNs(micros) };
}
