/** Records of a history in; the fields of answers, as their schemas say, out. */
import { z } from "zod";
import type { CallRecord, ConnectionRecord, PartyRecord, SessionRecord } from "../store/types.ts";
import { isoTime, isoTimeOf, roundMsOf } from "./when.ts";

const time = z.string().describe("UTC, ISO 8601");

const partyShape = z.object({
  name: z.string().describe("by its own word, else by its command line or address"),
  version: z.string().optional(),
  pid: z.int().optional().describe("absent: on another host, or not known"),
  command_line: z.string().optional(),
  container: z.string().optional(),
  address: z.string().optional().describe("of a party on another host"),
});

export const sessionShape = z.object({
  id: z.string(),
  transport: z.enum(["stdio", "http"]),
  client: partyShape,
  server: partyShape,
  protocol_version: z.string().optional(),
  started_at: time,
  ended_at: time.optional().describe("absent: open"),
  end_reason: z.string().optional(),
  messages: z.int(),
  calls: z.int(),
  failed_calls: z.int(),
});

export const STATUSES = [
  "ok",
  "error",
  "tool_error",
  "cancelled",
  "input_required",
  "unanswered",
  "unheard",
  "open",
] as const;

export const statusShape = z.enum(STATUSES);

export const callShape = z.object({
  id: z.string().describe("for get_call"),
  session: z.string(),
  client: z.string(),
  server: z.string(),
  from_server: z
    .literal(true)
    .optional()
    .describe("the server asked the client, e.g. for sampling"),
  method: z.string(),
  target: z.string().optional().describe("the tool, prompt or resource"),
  status: statusShape.describe(
    "error: JSON-RPC error; tool_error: the tool said that it failed; cancelled: given up by who asked, answered afterwards or not; unanswered: the session ended first; unheard: no answer was heard, and not all was heard; open: no answer yet",
  ),
  error_code: z.int().optional(),
  error: z.string().optional(),
  started_at: time,
  duration_ms: z.number().optional().describe("what the client waited"),
  server_ms: z.number().optional().describe("what the server took"),
  request_bytes: z.int(),
  response_bytes: z.int(),
  effects: z
    .object({ exec: z.int(), fork: z.int(), connect: z.int(), file: z.int() })
    .describe("how many processes, connections and files it caused"),
});

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

export const outcomeShape = z.enum(OUTCOMES);

export const connectionShape = z.object({
  id: z.string(),
  pid: z.int().optional(),
  command: z.string().optional(),
  command_line: z.string().optional(),
  container: z.string().optional(),
  direction: z.enum(["outgoing", "accepted"]),
  protocol: z.enum(["tcp", "udp", "unix"]),
  socket_type: z.enum(["stream", "dgram", "seqpacket"]),
  local: z.string().optional().describe("address:port"),
  remote: z.string().optional().describe("address:port, or the path of a Unix socket"),
  host: z.string().optional().describe("the name it was reached by"),
  host_source: z.enum(["dns", "sni", "http"]).optional().describe("where that name was seen"),
  outcome: outcomeShape.describe(
    "established: open still; abandoned: given up before there was an outcome",
  ),
  errno: z.string().optional(),
  started_at: time,
  ended_at: time.optional(),
  open_before: z.literal(true).optional().describe("it was open before anybody listened"),
  latency_ms: z.number().optional().describe("of the handshake"),
  duration_ms: z.number().optional(),
  sent_bytes: z.int(),
  received_bytes: z.int(),
  closed_by: z.enum(["local", "remote"]).optional(),
  call: z.string().optional().describe("id of the call that caused it"),
});

export type SessionShape = z.infer<typeof sessionShape>;
export type CallShape = z.infer<typeof callShape>;
export type ConnectionShape = z.infer<typeof connectionShape>;

function shapeParty(party: PartyRecord): z.infer<typeof partyShape> {
  return {
    name: party.name,
    version: party.version,
    pid: party.pid,
    command_line: party.commandLine.length === 0 ? undefined : party.commandLine.join(" "),
    container: shortContainer(party.containerId),
    address: party.address,
  };
}

export function shapeSession(session: SessionRecord): SessionShape {
  return {
    id: session.id,
    transport: session.transport,
    client: shapeParty(session.client),
    server: shapeParty(session.server),
    protocol_version: session.protocolVersion,
    started_at: isoTime(session.startMs),
    ended_at: isoTimeOf(session.endMs),
    end_reason: session.endReason,
    messages: session.messages,
    calls: session.calls,
    failed_calls: session.failedCalls,
  };
}

export function shapeCall(call: CallRecord): CallShape {
  return {
    id: call.id,
    session: call.sessionId,
    client: call.clientName,
    server: call.serverName,
    from_server: call.direction === "server-to-client" ? true : undefined,
    method: call.method,
    target: call.target,
    status: call.status,
    error_code: call.errorCode,
    error: call.errorText,
    started_at: isoTime(call.startMs),
    duration_ms: roundMsOf(call.durationMs),
    server_ms: roundMsOf(call.serverMs),
    request_bytes: call.requestBytes,
    response_bytes: call.responseBytes,
    effects: { ...call.effects },
  };
}

export function shapeConnection(connection: ConnectionRecord): ConnectionShape {
  const { startMs, endMs } = connection;
  return {
    id: connection.id,
    pid: connection.pid,
    command: connection.comm,
    command_line:
      connection.commandLine.length === 0 ? undefined : connection.commandLine.join(" "),
    container: shortContainer(connection.containerId),
    direction: connection.direction,
    protocol: connection.protocol,
    socket_type: connection.socketType,
    local: authority(connection.localAddress, connection.localPort),
    remote: connection.path ?? authority(connection.remoteAddress, connection.remotePort),
    host: connection.hostName,
    host_source: connection.hostNameSource,
    outcome: connection.outcome,
    errno: connection.errno,
    started_at: isoTime(startMs),
    ended_at: isoTimeOf(endMs),
    open_before: connection.openBefore ? true : undefined,
    latency_ms: roundMsOf(connection.latencyMs),
    duration_ms: roundMsOf(
      endMs === undefined || connection.openBefore ? undefined : Math.max(0, endMs - startMs),
    ),
    sent_bytes: connection.sentBytes,
    received_bytes: connection.receivedBytes,
    closed_by: connection.closedBy,
    call: connection.callId,
  };
}

/** "10.0.0.5:443", "[2001:db8::1]:443"; without a port the address alone. */
export function authority(
  address: string | undefined,
  port: number | undefined,
): string | undefined {
  if (address === undefined) return undefined;
  if (port === undefined) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** As docker ps shows it. */
function shortContainer(id: string | undefined): string | undefined {
  return id !== undefined && /^[0-9a-f]{64}$/.test(id) ? id.slice(0, 12) : id;
}
