/** Exchange items in, NDJSON lines out: the contract of docs/ndjson.md. */
import type { Endpoint } from "../capture/types.ts";
import type { ConnectionLine, HostName } from "../connections/types.ts";
import type {
  CallLine,
  CoverageLine,
  EffectLine,
  ExchangeItem,
  HttpLine,
  NoiseLine,
  PartyInfo,
  SessionLine,
  Summary,
  WaitingLine,
} from "../exchange/types.ts";
import type { Loss } from "../framing/types.ts";
import { quote } from "./json-text.ts";
import { LineBuilder } from "./line-builder.ts";
import { LineContext, type LineOptions, millis } from "./line-context.ts";
import { joined, type Rendered } from "./long-text.ts";
import { renderEffect, renderEffects } from "./ndjson-effect.ts";
import { MessageRenderer } from "./ndjson-message.ts";
import { renderSummary, renderUnanswered } from "./ndjson-summary.ts";
import { TransportWriter } from "./transport.ts";

const CHUNK_CHARS = 1 << 13;

/** Lines come without their "\n" and hold no raw control character. */
export class NdjsonRenderer {
  readonly #context: LineContext;
  readonly #transports: TransportWriter;
  readonly #messages: MessageRenderer;

  constructor(options: LineOptions) {
    this.#context = new LineContext(options);
    this.#transports = new TransportWriter(this.#context);
    this.#messages = new MessageRenderer(this.#context, this.#transports);
  }

  item(item: ExchangeItem): string {
    return joined(this.render(item));
  }

  /** A line with long texts comes in pieces. */
  render(item: ExchangeItem): Rendered {
    switch (item.kind) {
      case "message":
        return this.#messages.render(item);
      case "session":
        return renderSession(item, this.#context);
      case "call":
        return renderCall(item, this.#context, this.#transports);
      case "waiting":
        return renderWaiting(item, this.#context, this.#transports);
      case "effect":
        return renderEffectLine(item, this.#context);
      case "noise":
        return renderNoise(item, this.#context, this.#transports);
      case "http":
        return renderHttp(item, this.#context, this.#transports);
      case "connection":
        return renderConnection(item, this.#context);
      case "loss":
        return renderLoss(item, this.#context, this.#transports);
      case "coverage":
        return renderCoverage(item, this.#context, this.#transports);
    }
  }

  /** All items as lines, each with its "\n", in texts that are about CHUNK_CHARS long: few writes, small buffers. */
  *chunks(items: readonly ExchangeItem[]): Generator<string> {
    let text = "";
    for (const item of items) {
      const line = this.render(item);
      if (typeof line === "string") text += `${line}\n`;
      else {
        yield text;
        yield* line;
        text = "\n";
      }
      if (text.length >= CHUNK_CHARS) {
        yield text;
        text = "";
      }
    }
    if (text !== "") yield text;
  }

  summary(summary: Summary): string {
    return renderSummary(summary, this.#context);
  }
}

function head(kind: string, timeNs: number, context: LineContext): string {
  return `{"kind":"${kind}","timestamp":"${context.timestamp(timeNs)}"`;
}

function renderSession(line: SessionLine, context: LineContext): string {
  const { session } = line;
  let json =
    `${head("session", line.timeNs, context)},"event":"${line.event}","transport_type":"${session.transport}"` +
    `,"session":${quote(session.id)},"start":"${context.timestamp(session.startNs)}"` +
    `,"client":${context.party(session.client)},"server":${context.party(session.server)}`;
  if (session.authority !== undefined) json += `,"host":${context.text(session.authority)}`;
  if (session.httpSessionId !== undefined) {
    json += `,"http_session_id":${context.text(session.httpSessionId)}`;
  }
  json += party("client_info", session.clientInfo, context);
  json += party("server_info", session.serverInfo, context);
  if (session.protocolVersion !== undefined) {
    json += `,"protocol_version":${context.text(session.protocolVersion)}`;
  }
  if (session.era !== undefined) json += `,"era":"${session.era}"`;
  if (session.clientCapabilities !== undefined) {
    json += `,"client_capabilities":${context.json(session.clientCapabilities)}`;
  }
  if (session.serverCapabilities !== undefined) {
    json += `,"server_capabilities":${context.json(session.serverCapabilities)}`;
  }
  if (line.left !== undefined) json += `,"left":${context.party(line.left)}`;
  json += `,"late_attach":${session.lateAttach}`;
  json += `,"messages":${line.messages},"open_calls":${line.openCalls}`;
  // The session is live: it may have ended by the time an earlier line of it is rendered.
  if (line.event === "end") {
    json += millis("duration_ms", ((session.endNs ?? line.timeNs) - session.startNs) / 1e6);
    if (session.endReason !== undefined) json += `,"reason":${context.text(session.endReason)}`;
    if (line.unanswered !== undefined) {
      json += `,"unanswered":[${line.unanswered.map((call) => `{${renderUnanswered(call, context)}}`).join(",")}]`;
    }
  }
  return `${json}}`;
}

function party(key: string, info: PartyInfo | undefined, context: LineContext): string {
  if (info === undefined) return "";
  const version = info.version === undefined ? "" : `,"version":${context.text(info.version)}`;
  return `,"${key}":{"name":${context.text(info.name)}${version}}`;
}

function renderCall(line: CallLine, context: LineContext, transports: TransportWriter): Rendered {
  const { request, response, session } = line;
  const { frame } = request;
  const out = new LineBuilder(
    context,
    `${head("call", line.timeNs, context)}${transports.frame(frame)}` +
      `,"session":${quote(session.id)},"direction":"${line.direction}"` +
      `,"start":"${context.timestamp(frame.sentNs ?? frame.timeNs)}","outcome":"${line.outcome}"`,
  );
  out.member("id", request.idText, request.unfit?.id);
  out.text += `,"method":${context.name(line.method)}`;
  if (line.target !== undefined) out.text += `,"target":${context.name(line.target)}`;
  out.member("params", request.paramsText, request.unfit?.params);
  out.member("result", response?.resultText, response?.unfit?.result);
  out.member("error", response?.errorText, response?.unfit?.error);
  out.text += millis("duration_ms", line.durationMs) + millis("server_ms", line.serverMs);
  out.text += `,"progress_count":${line.progressCount},"log_count":${line.logCount}`;
  if (line.chain !== undefined) out.text += context.id("chain", line.chain);
  if (line.isAmbiguous === true) out.text += ',"ambiguous":true';
  if (line.effects !== undefined) {
    out.text += `,"effects":${renderEffects(line.effects, context)}`;
  }
  return out.finish();
}

function renderWaiting(
  line: WaitingLine,
  context: LineContext,
  transports: TransportWriter,
): Rendered {
  const { request, session, sinceNs, timeNs } = line;
  const out = new LineBuilder(
    context,
    `${head("waiting", timeNs, context)}${transports.frame(request.frame)}` +
      `,"session":${quote(session.id)},"direction":"${line.direction}"` +
      `,"start":"${context.timestamp(sinceNs)}"`,
  );
  out.member("id", request.idText, request.unfit?.id);
  out.text += `,"method":${context.name(line.method)}`;
  if (line.target !== undefined) out.text += `,"target":${context.name(line.target)}`;
  out.text += `${millis("waited_ms", (timeNs - sinceNs) / 1e6)},"progress_count":${line.progressCount}`;
  return out.finish();
}

function renderEffectLine(line: EffectLine, context: LineContext): string {
  const { session, idText, method, target, effect } = line;
  return (
    `${head("effect", line.timeNs, context)},"session":${quote(session.id)}${context.id("id", idText)}` +
    `,"method":${context.name(method)}` +
    (target === undefined ? "" : `,"target":${context.name(target)}`) +
    `,"effect":${renderEffect(effect, context)}}`
  );
}

function renderNoise(line: NoiseLine, context: LineContext, transports: TransportWriter): string {
  const { session, direction, text, lines, bytes } = line;
  const flags = line.holdsMessage ? `,"flags":["message_in_text"]` : "";
  return (
    head("noise", line.timeNs, context) +
    transports.noise(line) +
    `,"session":${quote(session.id)},"direction":"${direction}"` +
    `,"text":${context.text(text)},"lines":${lines},"bytes":${bytes}${flags}}`
  );
}

function renderHttp(line: HttpLine, context: LineContext, transports: TransportWriter): string {
  const { exchange, session, outcome, flags, timeNs } = line;
  let json = head("http", timeNs, context) + transports.exchange(line);
  if (session !== undefined) json += `,"session":${quote(session.id)}`;
  json += `,"outcome":"${outcome}"`;
  const contentType = exchange.response?.fields.contentType;
  if (contentType !== undefined) json += `,"content_type":${context.text(contentType)}`;
  // where the request was not heard, the time is counted from the answer's head
  if (exchange.request !== undefined) {
    json += millis("duration_ms", Math.max(0, timeNs - exchange.startNs) / 1e6);
  }
  if (flags.length > 0) json += `,"flags":["${flags.join('","')}"]`;
  return `${json}}`;
}

function renderConnection(line: ConnectionLine, context: LineContext): string {
  const { event, connection } = line;
  const { process, peer, path, local, remote, outcome, establishedNs, endNs, startNs } = connection;
  let json =
    `${head("connection", line.timeNs, context)},"event":"${event}","connection":${quote(connection.id)}` +
    `,"direction":"${connection.direction}","protocol":"${connection.protocol}"` +
    `,"family":"${connection.family}","socket_type":"${connection.socketType}"` +
    `,"process":${context.party(process)}`;
  if (local !== undefined) json += `,"local":${endpoint(local)}`;
  if (remote !== undefined) json += `,"remote":${endpoint(remote)}`;
  if (path !== undefined) json += `,"path":${context.text(path)}`;
  if (peer !== undefined) json += `,"peer":${context.process(peer)}`;
  if (connection.names.length > 0) {
    json += `,"names":[${connection.names.map((name) => hostName(name, context)).join(",")}]`;
  }
  json += `,"start":"${context.timestamp(startNs)}"`;
  if (establishedNs !== undefined) json += `,"established":"${context.timestamp(establishedNs)}"`;
  json += `,"open_before":${connection.openBefore},"outcome":"${outcome}"`;
  if (connection.errno !== undefined) json += `,"errno":${quote(connection.errno)}`;
  json += millis("latency_ms", connection.latencyMs);
  if (endNs !== undefined) json += millis("duration_ms", (endNs - startNs) / 1e6);
  json += `,"sent_bytes":${connection.sentBytes},"received_bytes":${connection.receivedBytes}`;
  if (connection.closedBy !== undefined) json += `,"closed_by":"${connection.closedBy}"`;
  return `${json}}`;
}

function endpoint({ address, port }: Endpoint): string {
  return `{"address":${quote(address)},"port":${port}}`;
}

function hostName({ name, source, timeNs }: HostName, context: LineContext): string {
  return `{"name":${context.text(name)},"source":"${source}","seen":"${context.timestamp(timeNs)}"}`;
}

function renderLoss(loss: Loss, context: LineContext, transports: TransportWriter): string {
  const { channel } = loss;
  return (
    head("loss", loss.timeNs, context) +
    (channel === undefined ? "" : transports.channel(channel)) +
    `,"reason":"${loss.reason}","bytes":${loss.bytes}` +
    (loss.sinceNs === undefined ? "}" : `,"since":"${context.timestamp(loss.sinceNs)}"}`)
  );
}

function renderCoverage(
  line: CoverageLine,
  context: LineContext,
  transports: TransportWriter,
): string {
  const { channel, process } = line;
  let json = `${head("coverage", line.timeNs, context)},"reason":${context.text(line.reason)},"count":${line.count ?? 1},"bytes":${line.bytes}`;
  if (channel !== undefined) json += transports.coverage(channel);
  if (process !== undefined) json += `,"process":${context.process(process)}`;
  return `${json}}`;
}
