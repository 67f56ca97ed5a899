/** Messages in, `message` lines out: the hot path, built by concatenation around spans of the wire text. */
import type { Channel, Process } from "../capture/types.ts";
import type { MessageLine, Session } from "../exchange/types.ts";
import type { Message } from "../message/types.ts";
import { isLineSafe, quote } from "./json-text.ts";
import { LineBuilder } from "./line-builder.ts";
import { type LineContext, millis } from "./line-context.ts";
import type { Rendered } from "./long-text.ts";

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
  render(line: MessageLine): Rendered {
    const { message, request } = line;
    const context = this.#context;
    // One test of the whole text says that all of its spans are fit to be spliced.
    const clean = context.redactor === undefined && isLineSafe(message.raw);
    const out = new LineBuilder(
      context,
      `{"kind":"message","timestamp":"${context.timestamp(message.frame.timeNs)}"` +
        `${this.#prefix(line)},"seq":${line.seq},"type":"${message.type}"`,
    );
    out.json("id", message.idText, clean);
    if (message.method !== undefined) out.text += `,"method":${context.name(message.method)}`;
    if (line.target !== undefined) out.text += `,"target":${context.name(line.target)}`;
    out.json("params", paramsOf(message), clean);
    out.json("result", message.resultText, clean);
    out.json("error", message.errorText, clean);
    if (request !== undefined) {
      out.text += `,"request":{"method":${context.name(request.method)}`;
      out.json("params", request.paramsText);
      out.text += "}";
    }
    out.text +=
      millis("duration_ms", line.durationMs) +
      millis("server_ms", line.serverMs) +
      millis("queued_ms", line.queuedMs);
    out.text += `,"bytes":${message.bytes}`;
    out.json("call_id", line.callId);
    if (line.chain !== undefined) out.text += `,"chain":${context.json(line.chain)}`;
    if (message.batch !== undefined) {
      out.text += `,"batch":{"index":${message.batch.index},"size":${message.batch.size}}`;
    }
    if (line.flags.length > 0) out.text += `,"flags":["${line.flags.join('","')}"]`;
    if (context.raw) out.quoted("raw", message.raw);
    return out.finish();
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
