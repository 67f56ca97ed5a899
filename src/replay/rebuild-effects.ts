/** What recorded calls caused in, the effects that it was made from out. */
import type { Endpoint, Process } from "../capture/types.ts";
import type { Connection } from "../connections/types.ts";
import type { Effect } from "../effects/types.ts";
import { isJson } from "../json-grammar.ts";
import {
  countField,
  type Fields,
  listField,
  millisField,
  own,
  textField,
  textsField,
} from "./fields.ts";
import { OUTCOMES, oneOf, PROTOCOLS } from "./rebuild-connection.ts";
import { parseTimestamp, type RecordedClock } from "./recorded-time.ts";
import { readExit } from "./recorded-world.ts";

/** Those that make no sense are left out. */
export function readEffects(line: Fields, clock: RecordedClock): readonly Effect[] {
  return listField(line, "effects").flatMap((fields) => readEffect(fields, clock) ?? []);
}

export function readEffect(fields: Fields | undefined, clock: RecordedClock): Effect | undefined {
  const micros = parseTimestamp(textField(fields, "timestamp"));
  const pid = countField(fields, "pid");
  if (fields === undefined || micros === undefined || pid === undefined) return undefined;
  const timeNs = clock.toNs(micros);
  const process = processOf(pid, textField(fields, "comm") ?? "");
  const candidates = readIds(fields);
  return readKind(fields, { timeNs, process, candidates });
}

function readIds(fields: Fields): readonly string[] {
  const texts = textsField(fields, "candidates_text");
  if (texts.length > 0) return texts.filter(isJson);
  const listed = own(fields, "candidates");
  return Array.isArray(listed) ? listed.map((id) => JSON.stringify(id)) : [];
}

function readKind(
  fields: Fields,
  caused: Pick<Effect, "timeNs" | "process" | "candidates">,
): Effect | undefined {
  const { timeNs, process } = caused;
  switch (textField(fields, "kind")) {
    case "exec": {
      const durationMs = millisField(fields, "duration_ms") ?? 0;
      process.exit = readExit(fields, timeNs + Math.round(durationMs * 1000) * 1000);
      return { ...caused, kind: "exec", argv: textsField(fields, "argv") };
    }
    case "fork": {
      const child = countField(fields, "child_pid");
      return child === undefined
        ? undefined
        : { ...caused, kind: "fork", child: processOf(child, process.comm) };
    }
    case "connect": {
      const connection = readTarget(fields, caused.process, timeNs);
      return connection && { ...caused, kind: "connect", connection };
    }
    case "file": {
      const change = oneOf(textField(fields, "change"), CHANGES);
      const path = textField(fields, "path");
      if (change === undefined || path === undefined) return undefined;
      return { ...caused, kind: "file", file: { change, path, to: textField(fields, "to") } };
    }
    default:
      return undefined;
  }
}

const CHANGES = ["create", "write", "rename", "unlink"] as const;

function processOf(pid: number, comm: string): Process {
  return { pid, startNs: 0, comm, commandLine: [], containerId: undefined, exit: undefined };
}

/** As much of a connection as an effect tells. */
function readTarget(fields: Fields, process: Process, startNs: number): Connection | undefined {
  const id = textField(fields, "connection");
  const protocol = oneOf(textField(fields, "protocol"), PROTOCOLS);
  const destination = textField(fields, "destination");
  const outcome = oneOf(textField(fields, "outcome"), OUTCOMES);
  if (id === undefined || protocol === undefined || destination === undefined) return undefined;
  const isUnix = protocol === "unix";
  return {
    id,
    process,
    direction: "outgoing",
    protocol,
    family: isUnix ? "unix" : "inet",
    socketType: protocol === "udp" ? "dgram" : "stream",
    local: undefined,
    remote: isUnix ? undefined : endpointOf(destination),
    path: isUnix ? destination : undefined,
    peer: undefined,
    startNs,
    openBefore: false,
    outcome: outcome ?? "in_progress",
    errno: textField(fields, "errno"),
    establishedNs: undefined,
    latencyMs: millisField(fields, "latency_ms"),
    endNs: undefined,
    sentBytes: 0,
    receivedBytes: 0,
    closedBy: undefined,
    names: [],
  };
}

/** "host:443", "[2001:db8::1]:443" */
function endpointOf(destination: string): Endpoint {
  const colon = destination.lastIndexOf(":");
  const address = destination.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  return { address, port: Number(destination.slice(colon + 1)) || 0 };
}
