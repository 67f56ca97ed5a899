/** Frames in, JSON-RPC messages out; whatever else came by passes unchanged, in order. */
import type { Frame, FramingItem, Noise } from "../framing/types.ts";
import { endOfValue, holdsMessage, isJson, skipSpace } from "../json-grammar.ts";
import type { Stage } from "../stage.ts";
import { capText } from "../text.ts";
import { SHORT_TEXT } from "./body-span.ts";
import { Envelope } from "./envelope.ts";
import { type Mended, mendJson } from "./mend-json.ts";
import { readMessage } from "./read-message.ts";
import type { Message, MessageItem, OutlineReader } from "./types.ts";

const OPEN_BRACE = 0x7b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
/** Of a line that is no message, to be shown. */
const MAX_HEAD_CHARS = 200;

/** Elements of a batch. A line of 32 MiB could hold two million, each of which becomes an object here. */
const MAX_BATCH = 65_536;

/**
 * Reads frames as JSON-RPC 2.0. A frame that is no JSON, nor almost, or JSON that is no message, becomes Noise of
 * the same bytes. A top-level array gives one message per element that is one; the first of them
 * carries the frame's bytes. Nothing on the wire makes it throw.
 * Source: JSON-RPC 2.0; MCP 2025-03-26, basic#batching.
 */
export class MessageStage implements Stage<FramingItem, MessageItem> {
  readonly #envelope: Envelope;

  /** Without `outline` long messages take longer, and are the same but for what is left out of their parsed bodies. */
  constructor(outline?: OutlineReader) {
    this.#envelope = new Envelope(outline);
  }

  push(item: FramingItem): readonly MessageItem[] {
    if (item.kind === "frame") return this.#readFrame(item);
    // told where framing found it
    return item.kind === "blind" ? [] : [item];
  }

  end(): readonly MessageItem[] {
    return [];
  }

  #readFrame(frame: Frame): readonly MessageItem[] {
    const { text } = frame;
    const start = skipSpace(text, 0);
    if (text.charCodeAt(start) !== OPEN_BRACE) return this.#readList(frame);
    let message = this.#readObject(frame, start, text.length <= SHORT_TEXT);
    if (message === undefined && this.#envelope.guessed) {
      message = this.#readObject(frame, start, false);
    }
    return [message ?? this.#readMended(frame) ?? noiseOf(frame)];
  }

  /** Text that is almost JSON. Only what says that it is JSON-RPC counts: else a log is a message before one knows. */
  #readMended(frame: Frame): Message | undefined {
    const { bytes } = frame;
    const mended = mend(frame);
    if (mended === undefined) return undefined;
    const envelope = this.#envelope;
    const end = envelope.read(mended.text, skipSpace(mended.text, 0), false);
    const { method, result, error } = envelope;
    const isEmpty = method.start < 0 && result.start < 0 && error.start < 0;
    if (end < 0 || isEmpty) return undefined;
    const message = readMessage(mended.text, envelope, {
      frame,
      raw: mended.text,
      bytes,
      batch: undefined,
      jsonError: mended.error,
    });
    return isMeant(message) ? message : undefined;
  }

  #readList(frame: Frame): readonly MessageItem[] {
    const read = this.#readBatch(frame, frame.text, frame.jsonError);
    if (read.length > 0) return read;
    const mended = mend(frame);
    const more = mended === undefined ? [] : this.#readBatch(frame, mended.text, mended.error);
    return more.length > 0 ? more : [noiseOf(frame)];
  }

  #readObject(frame: Frame, start: number, mayGuess: boolean): Message | undefined {
    const { text, bytes, jsonError } = frame;
    if (mayGuess || !this.#envelope.readOutline(text)) {
      const end = this.#envelope.read(text, start, mayGuess);
      if (end < 0 || skipSpace(text, end) !== text.length) return undefined;
    }
    return readMessage(text, this.#envelope, {
      frame,
      raw: text,
      bytes,
      batch: undefined,
      jsonError,
    });
  }

  /** Nothing: it is no JSON, or holds no message. */
  #readBatch(frame: Frame, text: string, jsonError: string | undefined): readonly MessageItem[] {
    const { bytes, channel, timeNs } = frame;
    const start = skipSpace(text, 0);
    const size = this.#countElements(text, start);
    if (size > MAX_BATCH) return [{ kind: "loss", channel, bytes, reason: "memory_limit", timeNs }];
    const messages: Message[] = [];
    let at = start + 1;
    for (let index = 0; index < size; index++) {
      at = skipSpace(text, at);
      const end = endOfValue(text, at);
      if (text.charCodeAt(at) === OPEN_BRACE) {
        this.#envelope.read(text, at, false);
        const message = readMessage(text, this.#envelope, {
          frame,
          raw: text.slice(at, end),
          bytes: messages.length === 0 ? bytes : 0,
          batch: { index, size },
          jsonError,
        });
        if (message !== undefined && isMeant(message)) messages.push(message);
      }
      at = skipSpace(text, end) + 1;
    }
    return messages;
  }

  /** Elements of the array at `start`, which must be the whole text; 0: it is empty or no JSON. */
  #countElements(text: string, start: number): number {
    let at = skipSpace(text, start + 1);
    for (let count = 1; ; count++) {
      at = endOfValue(text, at);
      if (at < 0) return 0;
      at = skipSpace(text, at);
      const code = text.charCodeAt(at);
      if (code === CLOSE_BRACKET) return skipSpace(text, at + 1) === text.length ? count : 0;
      if (code !== COMMA) return 0;
      at = skipSpace(text, at + 1);
    }
  }
}

/** What does not even look like JSON-RPC is left alone. */
function mend({ text }: Frame): Mended | undefined {
  return holdsMessage(text) ? mendJson(text) : undefined;
}

/** What was mended says itself what it is. */
function isMeant(message: Message | undefined): boolean {
  return message?.jsonError === undefined || !message.flags.includes("not_jsonrpc_2");
}

function noiseOf({ channel, bytes, http, text, timeNs }: Frame): Noise {
  if (http !== undefined) return { kind: "noise", channel, bytes, of: "http" };
  // something stands behind a message on its line, or it is not quite JSON
  const isMixed = holdsMessage(text) && !isJson(text);
  const head = capText(text, MAX_HEAD_CHARS);
  const says = { head, lines: 1, holdsMessage: isMixed, timeNs };
  return { kind: "noise", channel, bytes, of: "text", text: says };
}
