/** The hop that a line is about in, its members `transport_type` and `stdio_transport` or `http_transport` out. */
import type { Channel, Endpoint, Party } from "../capture/types.ts";
import type { HttpLine, MessageLine, NoiseLine, Session } from "../exchange/types.ts";
import type {
  Frame,
  HttpExchange,
  HttpFields,
  HttpPlace,
  HttpRequest,
  HttpResponse,
} from "../framing/types.ts";
import { endsOf, isConnection, isProcess } from "../party.ts";
import { quote } from "./json-text.ts";
import type { LineContext } from "./line-context.ts";

/** What the lines about one channel repeat, and what it was made from. */
interface Hop {
  readonly side: Side | undefined;
  readonly from: Party | undefined;
  readonly fromComm: string | undefined;
  readonly to: Party | undefined;
  readonly toComm: string | undefined;
  /** stdio: all of the transport; HTTP: its beginning. */
  readonly ends: string;
  session: Session | undefined;
  direction: string;
  sessionPart: string;
  request: HttpRequest | undefined;
  response: HttpResponse | undefined;
  /** undefined: none was made yet. */
  heads: string | undefined;
}

type Side = HttpPlace["side"];

/** Not shared between sinks: it caches. */
export class TransportWriter {
  readonly #context: LineContext;
  readonly #hops = new WeakMap<Channel, Hop>();

  constructor(context: LineContext) {
    this.#context = context;
  }

  /** From `transport_type` to `direction`. */
  message(line: MessageLine): string {
    const { session, direction } = line;
    const { frame } = line.message;
    const hop = this.#hop(frame.channel, line.from, line.to, frame.http?.side);
    if (hop.session !== session || hop.direction !== direction) {
      hop.session = session;
      hop.direction = direction;
      hop.sessionPart = `,"session":${quote(session.id)},"direction":"${direction}"`;
    }
    if (frame.http === undefined) return hop.ends + hop.sessionPart;
    return hop.ends + this.#place(hop, frame.http) + hop.sessionPart;
  }

  /** Of a frame on a line of another kind. */
  frame(frame: Frame): string {
    const from = frame.sender ?? frame.channel.writer;
    const hop = this.#hop(frame.channel, from, frame.reader, frame.http?.side);
    return frame.http === undefined ? hop.ends : hop.ends + this.#place(hop, frame.http);
  }

  /** Of a whole exchange: the ends are the request's; the answer's, where only that was heard. */
  exchange(line: HttpLine): string {
    const { exchange } = line;
    const side = exchange.request === undefined ? "response" : "request";
    const channel = exchangeChannel(exchange);
    const { from, to } = endsOf(channel);
    const ends =
      channel === undefined
        ? `${HTTP_START}"is_request":${side === "request"}`
        : this.#hop(channel, from, to, side).ends;
    const heads = this.#heads(exchange.request, exchange.response, side);
    return `${ends}${heads},"exchange":${exchange.id}}`;
  }

  /** Of a line that is about a channel, not about what a transport carries in it. */
  channel(channel: Channel): string {
    const { from, to } = endsOf(channel);
    if (!isConnection(channel)) return `${STDIO_TYPE}${this.#stdio(from, to, channel)}`;
    return `${HTTP_START}${this.#httpEnds(from, to, channel)}}`;
  }

  /** Its ends are who said it and who read it then. */
  noise({ channel, from, to }: NoiseLine): string {
    return `${STDIO_TYPE}${this.#stdio(from, to, channel)}`;
  }

  /** As `channel`; stdio needs no `transport_type` here. */
  coverage(channel: Channel): string {
    return this.channel(channel).replace(STDIO_TYPE, STDIO);
  }

  /** `{"from_pid":…,"from_comm":…,"to_pid":…,"to_comm":…,"channel":…}` */
  #stdio(from: Party | undefined, to: Party | undefined, channel: Channel): string {
    return `{${this.#stdioEnd("from", from)},${this.#stdioEnd("to", to)},"channel":${quote(channel.id)}}`;
  }

  /** Made anew when an end or its name changes. */
  #hop(
    channel: Channel,
    from: Party | undefined,
    to: Party | undefined,
    side: Side | undefined,
  ): Hop {
    const known = this.#hops.get(channel);
    const fromComm = commOf(from);
    const toComm = commOf(to);
    if (
      known !== undefined &&
      known.side === side &&
      known.from === from &&
      known.to === to &&
      known.fromComm === fromComm &&
      known.toComm === toComm
    ) {
      return known;
    }
    const ends =
      side === undefined
        ? `${STDIO_TYPE}${this.#stdio(from, to, channel)}`
        : `${HTTP_START}${this.#local(to, from)}"is_request":${side === "request"},${this.#httpEnds(from, to, channel)}`;
    const hop: Hop = {
      side,
      from,
      fromComm,
      to,
      toComm,
      ends,
      session: undefined,
      direction: "",
      sessionPart: "",
      request: undefined,
      response: undefined,
      heads: undefined,
    };
    this.#hops.set(channel, hop);
    return hop;
  }

  #stdioEnd(side: "from" | "to", party: Party | undefined): string {
    if (!isProcess(party)) return `"${side}_pid":null,"${side}_comm":null`;
    return `"${side}_pid":${party.pid},"${side}_comm":${this.#context.text(party.comm)}`;
  }

  /** The process of this host that the hop was heard at. */
  #local(reader: Party | undefined, writer: Party | undefined): string {
    const local = isProcess(reader) ? reader : writer;
    return isProcess(local) ? `"pid":${local.pid},"comm":${this.#context.text(local.comm)},` : "";
  }

  #httpEnds(from: Party | undefined, to: Party | undefined, channel: Channel): string {
    return (
      this.#httpEnd("from", from, channel.from) +
      this.#httpEnd("to", to, channel.to) +
      `"channel":${quote(channel.id)}`
    );
  }

  #httpEnd(side: "from" | "to", party: Party | undefined, endpoint: Endpoint | undefined): string {
    if (party === undefined) return "";
    if (isProcess(party)) return `${this.#stdioEnd(side, party)},`;
    return `"${side}_address":${quote(addressOf(party.address, endpoint))},`;
  }

  #place(hop: Hop, { exchange, side, mode, eventId }: HttpPlace): string {
    // an answer may have come by now: a request does not tell of it
    const response = side === "response" ? exchange.response : undefined;
    const { request, id } = exchange;
    // one exchange after the other has the same heads
    if (
      hop.heads === undefined ||
      !isSameRequest(hop.request, request) ||
      !isSameResponse(hop.response, response)
    ) {
      hop.heads = this.#heads(request, response, side);
    }
    hop.request = request;
    hop.response = response;
    const event = eventId === undefined ? "" : `,"event_id":${this.#context.text(eventId)}`;
    return `${hop.heads},"exchange":${id},"mode":"${mode}"${event}}`;
  }

  #heads(request: HttpRequest | undefined, response: HttpResponse | undefined, side: Side): string {
    const version = side === "request" ? request?.version : response?.version;
    return (
      this.#requestPart(request) +
      (response === undefined ? "" : `,"status":${response.status}`) +
      this.#named("version", version) +
      this.#named("session_id", response?.fields.sessionId ?? request?.fields.sessionId) +
      this.#named(
        "protocol_version",
        response?.fields.protocolVersion ?? request?.fields.protocolVersion,
      ) +
      this.#named("mcp_method", request?.fields.mcpMethod) +
      this.#named("mcp_name", request?.fields.mcpName)
    );
  }

  #requestPart(request: HttpRequest | undefined): string {
    if (request === undefined) return "";
    return (
      this.#named("host", request.authority) +
      this.#named("method", request.method) +
      this.#named("path", pathOf(request.target))
    );
  }

  #named(key: string, text: string | undefined): string {
    return text === undefined || text === "" ? "" : `,"${key}":${this.#context.name(text)}`;
  }
}

const STDIO = ',"stdio_transport":';
const STDIO_TYPE = `,"transport_type":"stdio"${STDIO}`;
const HTTP_START = ',"transport_type":"http","http_transport":{';

/** The direction that lines about the whole exchange name: the request's, where it was heard. */
export function exchangeChannel(exchange: HttpExchange): Channel | undefined {
  const { request, requestChannel, responseChannel } = exchange;
  return request === undefined ? (responseChannel ?? requestChannel) : requestChannel;
}

/** "10.0.0.5:41234", "[2001:db8::1]:41234"; without the port where that is not known. */
export function addressOf(address: string, endpoint: Endpoint | undefined): string {
  if (endpoint?.address !== address) return address;
  return address.includes(":") ? `[${address}]:${endpoint.port}` : `${address}:${endpoint.port}`;
}

/** A request's target; in its absolute form (to a proxy) without a user and password. */
export function pathOf(target: string): string {
  if (target.startsWith("/")) return target;
  return target.replace(/^([a-z][a-z0-9+.-]{0,15}:\/\/)[^/?#]*@/i, "$1");
}

/** In what a line shows of it. */
function isSameRequest(one: HttpRequest | undefined, other: HttpRequest | undefined): boolean {
  if (one === other) return true;
  if (one === undefined || other === undefined) return false;
  return (
    one.method === other.method &&
    one.target === other.target &&
    one.authority === other.authority &&
    one.version === other.version &&
    isSameFields(one.fields, other.fields)
  );
}

function isSameResponse(one: HttpResponse | undefined, other: HttpResponse | undefined): boolean {
  if (one === other) return true;
  if (one === undefined || other === undefined) return false;
  return (
    one.status === other.status &&
    one.version === other.version &&
    isSameFields(one.fields, other.fields)
  );
}

function isSameFields(one: HttpFields, other: HttpFields): boolean {
  return (
    one.sessionId === other.sessionId &&
    one.protocolVersion === other.protocolVersion &&
    one.mcpMethod === other.mcpMethod &&
    one.mcpName === other.mcpName
  );
}

function commOf(party: Party | undefined): string | undefined {
  return isProcess(party) ? party.comm : undefined;
}
