/** Messages in, `message` lines out: the hot path, built by concatenation around spans of the wire text. */
import type { Channel, Process } from "../capture/types.ts";
import type { MessageLine, RequestSummary, Session } from "../exchange/types.ts";
import type { Message } from "../message/types.ts";
import { isLineSafe, quote } from "./json-text.ts";
import { type LineContext, millis } from "./line-context.ts";

/** The unchanging middle of a session's lines in one direction, and what it was made from. */
interface Prefix {
  readonly from: Process | undefined;
  readonly fromComm: string | undefined;
  readonly to: Process;
  readonly toComm: string;
  readonly channel: Channel;
  readonly json: string;
}

interface Prefixes {
  "client-to-server": Prefix | undefined;
  "server-to-client": Prefix | undefined;
}

export class MessageRenderer {
  readonly #context: LineContext;
  readonly #prefixes = new WeakMap<Session, Prefixes>();

  constructor(context: LineContext) {
    this.#context = context;
  }

  /** One line, without its "\n". */
  render(line: MessageLine): string {
    const { message, request } = line;
    const context = this.#context;
    // One test of the whole text says that all of its spans are fit to be spliced.
    const clean = context.redactor === undefined && isLineSafe(message.raw);
    const span = (json: string) => (clean ? json : context.json(json));
    let json =
      `{"kind":"message","timestamp":"${context.timestamp(message.frame.timeNs)}"` +
      `${this.#prefix(line)},"seq":${line.seq},"type":"${message.type}"`;
    if (message.idText !== undefined) json += `,"id":${span(message.idText)}`;
    if (message.method !== undefined) json += `,"method":${context.name(message.method)}`;
    if (line.target !== undefined) json += `,"target":${context.name(line.target)}`;
    const params = paramsOf(message);
    if (params !== undefined) json += `,"params":${span(params)}`;
    if (message.resultText !== undefined) json += `,"result":${span(message.resultText)}`;
    if (message.errorText !== undefined) json += `,"error":${span(message.errorText)}`;
    if (request !== undefined) json += this.#request(request);
    json += millis("duration_ms", line.durationMs);
    json += millis("server_ms", line.serverMs);
    json += millis("queued_ms", line.queuedMs);
    json += `,"bytes":${message.bytes}`;
    if (line.callId !== undefined) json += `,"call_id":${context.json(line.callId)}`;
    if (line.chain !== undefined) json += `,"chain":${context.json(line.chain)}`;
    if (message.batch !== undefined) {
      json += `,"batch":{"index":${message.batch.index},"size":${message.batch.size}}`;
    }
    if (line.flags.length > 0) json += `,"flags":["${line.flags.join('","')}"]`;
    if (context.raw) json += `,"raw":${this.#raw(message.raw)}`;
    return `${json}}`;
  }

  #request({ method, paramsText }: RequestSummary): string {
    const context = this.#context;
    const params = paramsText === undefined ? "" : `,"params":${context.json(paramsText)}`;
    return `,"request":{"method":${context.name(method)}${params}}`;
  }

  #raw(raw: string): string {
    const { redactor } = this.#context;
    return quote(redactor === undefined ? raw : redactor.json(raw));
  }

  /** From `transport_type` to `direction`; made anew when an end, its name or the channel changes. */
  #prefix(line: MessageLine): string {
    const { session, direction, from, to } = line;
    const { channel } = line.message.frame;
    let prefixes = this.#prefixes.get(session);
    if (prefixes === undefined) {
      prefixes = { "client-to-server": undefined, "server-to-client": undefined };
      this.#prefixes.set(session, prefixes);
    }
    const known = prefixes[direction];
    if (
      known !== undefined &&
      known.from === from &&
      known.to === to &&
      known.channel === channel &&
      known.fromComm === from?.comm &&
      known.toComm === to.comm
    ) {
      return known.json;
    }
    const json =
      `,"transport_type":"stdio","stdio_transport":${this.#context.transport(from, to, channel)}` +
      `,"session":${quote(session.id)},"direction":"${direction}"`;
    prefixes[direction] = { from, fromComm: from?.comm, to, toComm: to.comm, channel, json };
    return json;
  }
}

/** An answer has no params: what stands there is in `raw`. */
function paramsOf(message: Message): string | undefined {
  const { type } = message;
  return type === "request" || type === "notification" ? message.paramsText : undefined;
}
