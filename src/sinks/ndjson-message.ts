/** Messages in, `message` lines out: the hot path, built by concatenation around spans of the wire text. */
import type { Channel, Process } from "../capture/types.ts";
import type { MessageLine, RequestSummary, Session } from "../exchange/types.ts";
import type { Message } from "../message/types.ts";
import { isLineSafe, quote } from "./json-text.ts";
import { type LineContext, millis } from "./line-context.ts";
import { flat, joined, LONG_CHARS, type Rendered } from "./long-text.ts";

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
  /** The beginning of the line that is being rendered, when it has long texts. */
  #parts: Rendered[] = [];

  constructor(context: LineContext) {
    this.#context = context;
  }

  /** One line, without its "\n". */
  render(line: MessageLine): Rendered {
    const { message, request } = line;
    const context = this.#context;
    // One test of the whole text says that all of its spans are fit to be spliced.
    const clean = context.redactor === undefined && isLineSafe(message.raw);
    let json =
      `{"kind":"message","timestamp":"${context.timestamp(message.frame.timeNs)}"` +
      `${this.#prefix(line)},"seq":${line.seq},"type":"${message.type}"`;
    if (message.idText !== undefined) json = this.#member(json, "id", message.idText, clean);
    if (message.method !== undefined) json += `,"method":${context.name(message.method)}`;
    if (line.target !== undefined) json += `,"target":${context.name(line.target)}`;
    const params = paramsOf(message);
    if (params !== undefined) json = this.#member(json, "params", params, clean);
    if (message.resultText !== undefined)
      json = this.#member(json, "result", message.resultText, clean);
    if (message.errorText !== undefined)
      json = this.#member(json, "error", message.errorText, clean);
    if (request !== undefined) json = this.#request(json, request);
    json += millis("duration_ms", line.durationMs);
    json += millis("server_ms", line.serverMs);
    json += millis("queued_ms", line.queuedMs);
    json += `,"bytes":${message.bytes}`;
    if (line.callId !== undefined) json = this.#member(json, "call_id", line.callId, false);
    if (line.chain !== undefined) json += `,"chain":${context.json(line.chain)}`;
    if (message.batch !== undefined) {
      json += `,"batch":{"index":${message.batch.index},"size":${message.batch.size}}`;
    }
    if (line.flags.length > 0) json += `,"flags":["${line.flags.join('","')}"]`;
    if (context.raw) json = this.#raw(json, message.raw);
    return this.#finish(`${json}}`);
  }

  /** `json` with one member more; empty when that was long, and all until here is in #parts. */
  #member(json: string, key: string, text: string, isClean: boolean): string {
    const before = `${json},"${key}":`;
    if (text.length <= LONG_CHARS) return before + (isClean ? text : this.#context.json(text));
    this.#parts.push(before, this.#context.longJson(text));
    return "";
  }

  #request(json: string, { method, paramsText }: RequestSummary): string {
    const before = `${json},"request":{"method":${this.#context.name(method)}`;
    return `${paramsText === undefined ? before : this.#member(before, "params", paramsText, false)}}`;
  }

  #raw(json: string, raw: string): string {
    const before = `${json},"raw":`;
    if (raw.length <= LONG_CHARS) return before + joined(this.#context.longQuote(raw));
    this.#parts.push(before, this.#context.longQuote(raw));
    return "";
  }

  #finish(json: string): Rendered {
    if (this.#parts.length === 0) return json;
    const parts = [...this.#parts, json];
    this.#parts = [];
    return flat(parts);
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
