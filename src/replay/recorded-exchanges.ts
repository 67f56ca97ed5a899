/** What recorded lines say of an HTTP exchange in, the one object that stands for it out. */
import type { Channel } from "../capture/types.ts";
import type { HttpExchange, HttpFields, HttpRequest, HttpResponse } from "../framing/types.ts";
import { RecentMap } from "../recent-map.ts";
import type { RecordedHttp } from "./transport.ts";

/** Of more exchanges at once, the oldest is forgotten: no line tells when the last message of one has come. */
const MAX_EXCHANGES = 65_536;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** One run's exchanges, filled as their lines come. */
export class RecordedExchanges {
  readonly #exchanges = new RecentMap<number, Mutable<HttpExchange>>(MAX_EXCHANGES);

  /** undefined: the line does not say which one. */
  meet(http: RecordedHttp, channel: Channel, timeNs: number): Mutable<HttpExchange> | undefined {
    if (http.exchange === undefined) return undefined;
    const exchange = this.#exchanges.get(http.exchange) ?? newExchange(http.exchange, timeNs);
    this.#exchanges.set(http.exchange, exchange);
    if (http.isRequest) exchange.requestChannel ??= channel;
    else exchange.responseChannel ??= channel;
    pair(exchange);
    const isComplete = exchange.request !== undefined && exchange.request.version !== "";
    if (exchange.request === undefined || (http.isRequest && !isComplete)) {
      exchange.request = requestOf(http);
    }
    exchange.response ??= responseOf(http, exchange.request);
    return exchange;
  }
}

/** What only a line of kind `http` tells. */
export function completeExchange(
  exchange: Mutable<HttpExchange>,
  contentType: string | undefined,
  startNs: number | undefined,
): void {
  exchange.startNs = startNs ?? exchange.startNs;
  const { response } = exchange;
  if (response === undefined || contentType === undefined) return;
  exchange.response = { ...response, fields: { ...response.fields, contentType } };
}

function newExchange(id: number, startNs: number): Mutable<HttpExchange> {
  return {
    id,
    requestChannel: undefined,
    responseChannel: undefined,
    request: undefined,
    response: undefined,
    startNs,
  };
}

function pair({ requestChannel, responseChannel }: HttpExchange): void {
  if (requestChannel === undefined || responseChannel === undefined) return;
  if (requestChannel === responseChannel) return;
  requestChannel.reverse ??= responseChannel;
  responseChannel.reverse ??= requestChannel;
}

/** Any line of the exchange tells of its request, where that was heard; only its own lines tell its version. */
function requestOf(http: RecordedHttp): HttpRequest | undefined {
  if (http.method === undefined) return undefined;
  return {
    method: http.method,
    target: http.path ?? "",
    authority: http.host,
    version: http.isRequest ? (http.version ?? "") : "",
    fields: fieldsOf({ ...http, sessionId: http.isRequest ? http.sessionId : undefined }),
  };
}

function responseOf(
  http: RecordedHttp,
  request: HttpRequest | undefined,
): HttpResponse | undefined {
  const { status, isRequest, sessionId, protocolVersion } = http;
  if (status === undefined) return undefined;
  const own = (text: string | undefined, asked: string | undefined) =>
    text === asked ? undefined : text;
  return {
    status,
    version: isRequest ? "" : (http.version ?? ""),
    fields: fieldsOf({
      sessionId: own(sessionId, request?.fields.sessionId),
      protocolVersion: own(protocolVersion, request?.fields.protocolVersion),
    }),
  };
}

function fieldsOf(known: Partial<HttpFields>): HttpFields {
  return {
    contentType: undefined,
    sessionId: known.sessionId,
    protocolVersion: known.protocolVersion,
    mcpMethod: known.mcpMethod,
    mcpName: known.mcpName,
    lastEventId: undefined,
  };
}
