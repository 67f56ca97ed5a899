/** Messages in, `message` lines out: the hot path, built by concatenation around spans of the wire text. */
import type { Party } from "../capture/types.ts";
import type { MessageLine } from "../exchange/types.ts";
import type { Message } from "../message/types.ts";
import { isProcess } from "../party.ts";
import { isLineSafe, quote } from "./json-text.ts";
import { LineBuilder } from "./line-builder.ts";
import { type LineContext, millis } from "./line-context.ts";
import type { Rendered } from "./long-text.ts";
import type { TransportWriter } from "./transport.ts";

export class MessageRenderer {
  readonly #context: LineContext;
  readonly #transports: TransportWriter;

  constructor(context: LineContext, transports: TransportWriter) {
    this.#context = context;
    this.#transports = transports;
  }

  /** One line, without its "\n". */
  render(line: MessageLine): Rendered {
    const { message, request } = line;
    const context = this.#context;
    // One test of the whole text says that all of its spans are fit to be spliced.
    const isShown = context.redactor === undefined;
    const clean = isShown && (message.isLineSafe === true || isLineSafe(message.raw));
    const out = new LineBuilder(
      context,
      `{"kind":"message","timestamp":"${context.timestamp(message.frame.timeNs)}"` +
        `${this.#transports.message(line)},"seq":${line.seq},"type":"${message.type}"`,
    );
    const { unfit } = message;
    out.member("id", message.idText, unfit?.id, clean);
    if (message.method !== undefined) {
      out.text += `,"method":${context.name(message.method)}`;
      if (unfit?.method !== undefined) out.quoted("method_text", JSON.stringify(message.method));
    }
    if (line.target !== undefined) out.text += `,"target":${context.name(line.target)}`;
    out.member("params", paramsOf(message), unfit?.params, clean);
    out.member("result", message.resultText, unfit?.result, clean);
    out.member("error", message.errorText, unfit?.error, clean);
    if (request !== undefined) {
      out.text += `,"request":{"method":${context.name(request.method)}`;
      const isClean = isShown && request.isLineSafe === true;
      out.member("params", request.paramsText, request.unfit, isClean);
      out.text += "}";
    }
    out.text +=
      millis("duration_ms", line.durationMs) +
      millis("server_ms", line.serverMs) +
      millis("queued_ms", line.queuedMs);
    out.text += `,"bytes":${message.bytes}`;
    if (line.callId !== undefined) out.text += context.id("call_id", line.callId);
    if (line.chain !== undefined) out.text += context.id("chain", line.chain);
    if (message.batch !== undefined) {
      out.text += `,"batch":{"index":${message.batch.index},"size":${message.batch.size}}`;
    }
    const { otherReaders } = message.frame;
    if (otherReaders !== undefined) out.text += this.#readers(otherReaders);
    if (line.flags.length > 0) out.text += `,"flags":["${line.flags.join('","')}"]`;
    if (message.jsonError !== undefined) out.text += `,"json_error":${quote(message.jsonError)}`;
    if (context.raw) out.quoted("raw", this.#rawOf(message));
    return out.finish();
  }

  /** What was no JSON cannot be masked: secrets go by the names of keys. Nor is it known where in it an element stood. */
  #rawOf({ jsonError, frame, raw, batch }: Message): string {
    const isExact = jsonError === undefined || batch !== undefined;
    return isExact || this.#context.redactor !== undefined ? raw : frame.text;
  }

  #readers(readers: readonly Party[]): string {
    const shown = readers
      .filter(isProcess)
      .map(({ pid, comm }) => `{"pid":${pid},"comm":${this.#context.text(comm)}}`);
    return `,"other_readers":[${shown.join(",")}]`;
  }
}

/** An answer has no params: what stands there is in `raw`. */
function paramsOf(message: Message): string | undefined {
  const { type } = message;
  return type === "request" || type === "notification" ? message.paramsText : undefined;
}
