/** A recorded line in, the hop that it names out: `stdio_transport` or `http_transport`. */
import type { Endpoint } from "../capture/types.ts";
import { booleanField, countField, type Fields, fieldsField, textField } from "./fields.ts";

/** A process by its pid, or another host. Both undefined: the line names nobody. */
export interface RecordedEnd {
  readonly pid: number | undefined;
  readonly comm: string | undefined;
  /** Another host, without `port` where the line has none. */
  readonly host: { readonly address: string; readonly endpoint: Endpoint | undefined } | undefined;
}

interface Hop {
  readonly from: RecordedEnd;
  readonly to: RecordedEnd;
  readonly channel: string | undefined;
}

export type RecordedTransport =
  | (Hop & { readonly type: "stdio" })
  | (Hop & { readonly type: "http"; readonly http: RecordedHttp });

/** What an `http_transport` says of the exchange; undefined fields were not recorded. */
export interface RecordedHttp {
  readonly exchange: number | undefined;
  readonly isRequest: boolean;
  readonly host: string | undefined;
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly status: number | undefined;
  readonly version: string | undefined;
  readonly mode: "json" | "sse" | undefined;
  readonly sessionId: string | undefined;
  readonly protocolVersion: string | undefined;
  readonly mcpMethod: string | undefined;
  readonly mcpName: string | undefined;
  readonly eventId: string | undefined;
}

/** undefined: the line names no hop. */
export function readTransport(line: Fields): RecordedTransport | undefined {
  const stdio = fieldsField(line, "stdio_transport");
  if (stdio !== undefined) return { type: "stdio", ...readHop(stdio) };
  const http = fieldsField(line, "http_transport");
  if (http === undefined) return undefined;
  return { type: "http", ...readHop(http), http: readHttp(http) };
}

function readHop(fields: Fields): Hop {
  return {
    from: readEnd(fields, "from"),
    to: readEnd(fields, "to"),
    channel: textField(fields, "channel"),
  };
}

function readEnd(fields: Fields, side: "from" | "to"): RecordedEnd {
  return {
    pid: countField(fields, `${side}_pid`),
    comm: textField(fields, `${side}_comm`),
    host: parseAddress(textField(fields, `${side}_address`)),
  };
}

/** "10.0.0.5:41234", "[2001:db8::1]:41234", or an address alone. */
function parseAddress(text: string | undefined): RecordedEnd["host"] {
  if (text === undefined) return undefined;
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const address = match?.[1] ?? match?.[2];
  if (address === undefined) return { address: text, endpoint: undefined };
  return { address, endpoint: { address, port: Number(match?.[3]) } };
}

function readHttp(fields: Fields): RecordedHttp {
  const mode = textField(fields, "mode");
  return {
    exchange: countField(fields, "exchange"),
    isRequest: booleanField(fields, "is_request") ?? true,
    host: textField(fields, "host"),
    method: textField(fields, "method"),
    path: textField(fields, "path"),
    status: countField(fields, "status"),
    version: textField(fields, "version"),
    mode: mode === "json" || mode === "sse" ? mode : undefined,
    sessionId: textField(fields, "session_id"),
    protocolVersion: textField(fields, "protocol_version"),
    mcpMethod: textField(fields, "mcp_method"),
    mcpName: textField(fields, "mcp_name"),
    eventId: textField(fields, "event_id"),
  };
}
