/** Exchange items over HTTP for the sinks' tests; each argument overrides a part. */
import type { Channel, Host } from "../../../src/capture/types.ts";
import type { HttpLine, MessageLine } from "../../../src/exchange/types.ts";
import type {
  HttpExchange,
  HttpFields,
  HttpPlace,
  HttpRequest,
  HttpResponse,
} from "../../../src/framing/types.ts";
import {
  callAnswer,
  callRequest,
  channel,
  client,
  frame,
  process,
  server,
  session,
  TIME_NS,
} from "./items.ts";

export const HOST: Host = { address: "10.0.0.5" };

export const FIELDS: HttpFields = {
  contentType: undefined,
  sessionId: undefined,
  protocolVersion: undefined,
  mcpMethod: undefined,
  mcpName: undefined,
  lastEventId: undefined,
};

export function httpRequest(over: Partial<HttpRequest> = {}): HttpRequest {
  return {
    method: "POST",
    target: "/mcp",
    authority: "127.0.0.1:3001",
    version: "1.1",
    fields: FIELDS,
    ...over,
  };
}

export function httpResponse(over: Partial<HttpResponse> = {}): HttpResponse {
  return { status: 200, version: "1.1", fields: FIELDS, ...over };
}

export const curl = process({ pid: 1, comm: "curl", commandLine: ["curl", "http://x/"] });
export const node = process({ pid: 2, comm: "node", commandLine: [] });

const near = { address: "127.0.0.1", port: 41_234 };
const far = { address: "127.0.0.1", port: 3001 };

export function up(over: Partial<Channel> = {}): Channel {
  const ends = {
    id: "tcp:9",
    kind: "tcp",
    from: near,
    to: far,
    writer: curl,
    reader: node,
  } as const;
  return channel({ ...ends, ...over });
}

export function down(over: Partial<Channel> = {}): Channel {
  const ends = {
    id: "tcp:8",
    kind: "tcp",
    from: far,
    to: near,
    writer: node,
    reader: curl,
  } as const;
  return channel({ ...ends, ...over });
}

export function exchange(over: Partial<HttpExchange> = {}): HttpExchange {
  return {
    id: 4,
    requestChannel: up(),
    responseChannel: down(),
    request: httpRequest(),
    response: undefined,
    startNs: TIME_NS - 1_270_000,
    ...over,
  };
}

export const httpSession = session({ id: "http:2", transport: "http", client: curl, server: node });

/** A call of get_weather in a POST's body. */
export function httpCall(of: HttpExchange, over: Partial<HttpPlace> = {}): MessageLine {
  return placed(callRequest(), of, { side: "request", ...over });
}

/** Its answer. */
export function httpAnswer(of: HttpExchange, over: Partial<HttpPlace> = {}): MessageLine {
  return placed(callAnswer(), of, { side: "response", ...over });
}

function placed(line: MessageLine, of: HttpExchange, over: Partial<HttpPlace>): MessageLine {
  const http: HttpPlace = {
    side: "request",
    mode: "json",
    eventId: undefined,
    ...over,
    exchange: of,
  };
  const isRequest = http.side === "request";
  const on = (isRequest ? of.requestChannel : of.responseChannel) ?? up();
  const reader = on.reader ?? server;
  const sender = on.writer ?? client;
  const at = frame(line.message.raw, { channel: on, reader, sender, http });
  const ends = { from: on.writer, to: reader, session: httpSession };
  return { ...line, ...ends, message: { ...line.message, frame: at } };
}

export function httpLine(over: Partial<HttpLine> = {}): HttpLine {
  return {
    kind: "http",
    exchange: exchange({
      response: httpResponse({ status: 401, fields: { ...FIELDS, contentType: "text/html" } }),
    }),
    session: undefined,
    outcome: "complete",
    flags: [],
    timeNs: TIME_NS,
    ...over,
  };
}
