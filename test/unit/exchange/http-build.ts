/** Builds HTTP exchanges and the messages in them by hand, as the rooms before would give them. */
import type { Channel, Party } from "../../../src/capture/types.ts";
import { ExchangeStage } from "../../../src/exchange/stage.ts";
import type { ExchangeItem, HttpLine } from "../../../src/exchange/types.ts";
import type {
  HttpEnd,
  HttpExchange,
  HttpFields,
  HttpPlace,
  HttpRequest,
  HttpResponse,
} from "../../../src/framing/types.ts";
import type { Message, MessageItem } from "../../../src/message/types.ts";
import { channel, INITIALIZE, INITIALIZED, MS, message, request, result } from "./build.ts";

const NO_FIELDS: HttpFields = {
  contentType: undefined,
  sessionId: undefined,
  protocolVersion: undefined,
  mcpMethod: undefined,
  mcpName: undefined,
  lastEventId: undefined,
};

/** Both directions of one TCP connection. */
export interface Connection {
  readonly client: Party;
  readonly server: Party;
  readonly up: Channel;
  readonly down: Channel;
}

let ports = 40_000;

export function connect(client: Party, server: Party, port = 3001): Connection {
  const near = { address: "127.0.0.1", port: ports++ };
  const far = { address: "127.0.0.1", port };
  const up: Channel = {
    ...channel(`tcp:${near.port}-up`, client, server, "tcp"),
    from: near,
    to: far,
  };
  const down: Channel = {
    ...channel(`tcp:${near.port}-down`, server, client, "tcp"),
    from: far,
    to: near,
  };
  up.reverse = down;
  down.reverse = up;
  return { client, server, up, down };
}

export interface Mutable extends HttpExchange {
  request: HttpRequest | undefined;
  response: HttpResponse | undefined;
}

let exchanges = 0;

export interface Ask {
  readonly method?: string;
  readonly target?: string;
  readonly fields?: Partial<HttpFields>;
}

export function ask({ up, down }: Connection, { method, target, fields }: Ask = {}): Mutable {
  return {
    id: ++exchanges,
    requestChannel: up,
    responseChannel: down,
    request: {
      method: method ?? "POST",
      target: target ?? "/mcp",
      authority: "127.0.0.1:3001",
      version: "1.1",
      fields: { ...NO_FIELDS, ...fields },
    },
    response: undefined,
    startNs: 0,
  };
}

export function answer(
  exchange: Mutable,
  status: number,
  fields: Partial<HttpFields> = { contentType: "application/json" },
): void {
  exchange.response = { status, version: "1.1", fields: { ...NO_FIELDS, ...fields } };
}

type Where = Partial<Pick<HttpPlace, "mode" | "eventId" | "session">>;

/** A request's body. */
export function sent(exchange: HttpExchange, timeNs: number, json: string, where: Where = {}) {
  return placed(exchange, "request", timeNs, json, where);
}

/** An answer's body, or an event of it. */
export function received(exchange: HttpExchange, timeNs: number, json: string, where: Where = {}) {
  return placed(exchange, "response", timeNs, json, where);
}

function placed(
  exchange: HttpExchange,
  side: "request" | "response",
  timeNs: number,
  json: string,
  where: Where,
): Message {
  const on = side === "request" ? exchange.requestChannel : exchange.responseChannel;
  if (on === undefined) throw new Error("an exchange in a test has both channels");
  const built = message(on, timeNs, json);
  const http = { mode: "json" as const, eventId: undefined, ...where, exchange, side };
  return { ...built, frame: { ...built.frame, http } };
}

export function over(
  exchange: HttpExchange,
  timeNs: number,
  outcome: HttpEnd["outcome"] = "complete",
): HttpEnd {
  return { kind: "http-end", exchange, outcome, flags: [], timeNs };
}

export const SSE = { contentType: "text/event-stream" };

export function stage(): ExchangeStage {
  return new ExchangeStage({ allJsonrpc: false, listenNs: 0 });
}

export function push(to: ExchangeStage, ...items: readonly MessageItem[]): readonly ExchangeItem[] {
  return items.flatMap((item) => to.push(item));
}

export function httpOf(items: readonly ExchangeItem[]): readonly HttpLine[] {
  return items.filter((item) => item.kind === "http");
}

/** The session's first exchange, on a connection of its own. */
export function initialize(
  to: ExchangeStage,
  connection: Connection,
  sessionId: string | undefined,
): readonly ExchangeItem[] {
  const first = ask(connection);
  const before = push(to, sent(first, 1, INITIALIZE));
  answer(first, 200, { contentType: "application/json", sessionId });
  return [...before, ...push(to, received(first, 2, INITIALIZED), over(first, 3))];
}

export function call(
  to: ExchangeStage,
  connection: Connection,
  id: number,
  timeNs: number,
  sessionId?: string,
): readonly ExchangeItem[] {
  const exchange = ask(connection, { fields: { sessionId } });
  const before = push(to, sent(exchange, timeNs, request(id, "tools/call", { name: "add" })));
  answer(exchange, 200, SSE);
  const answered = received(exchange, timeNs + MS, result(id), { mode: "sse" });
  return [...before, ...push(to, answered, over(exchange, timeNs + 2 * MS))];
}
