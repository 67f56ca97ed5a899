/** Frames in, JSON-RPC messages out; whatever else came by passes unchanged, in order. */
import type { Frame, FramingItem, Noise } from "../framing/types.ts";
import { endOfValue, skipSpace } from "../json-grammar.ts";
import type { Stage } from "../stage.ts";
import { SHORT_TEXT } from "./body-span.ts";
import { Envelope } from "./envelope.ts";
import { readMessage } from "./read-message.ts";
import type { Message, MessageItem } from "./types.ts";

const OPEN_BRACE = 0x7b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;

/** Elements of a batch. A line of 32 MiB could hold two million, each of which becomes an object here. */
const MAX_BATCH = 65_536;

/**
 * Reads frames as JSON-RPC 2.0. A frame that is no JSON, or JSON that is no message, becomes Noise of
 * the same bytes. A top-level array gives one message per element that is one; the first of them
 * carries the frame's bytes. Nothing on the wire makes it throw.
 * Source: JSON-RPC 2.0; MCP 2025-03-26, basic#batching.
 */
export class MessageStage implements Stage<FramingItem, MessageItem> {
  readonly #envelope = new Envelope();

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
    if (text.charCodeAt(start) !== OPEN_BRACE) return this.#readBatch(frame, start);
    let message = this.#readObject(frame, start, text.length <= SHORT_TEXT);
    if (message === undefined && this.#envelope.guessed) {
      message = this.#readObject(frame, start, false);
    }
    return [message ?? noiseOf(frame)];
  }

  #readObject(frame: Frame, start: number, mayGuess: boolean): Message | undefined {
    const { text, bytes } = frame;
    const end = this.#envelope.read(text, start, mayGuess);
    if (end < 0 || skipSpace(text, end) !== text.length) return undefined;
    return readMessage(text, this.#envelope, { frame, raw: text, bytes, batch: undefined });
  }

  #readBatch(frame: Frame, start: number): readonly MessageItem[] {
    const { text, bytes, channel, timeNs } = frame;
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
        });
        if (message !== undefined) messages.push(message);
      }
      at = skipSpace(text, end) + 1;
    }
    return messages.length > 0 ? messages : [noiseOf(frame)];
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

function noiseOf({ channel, bytes, http }: Frame): Noise {
  return { kind: "noise", channel, bytes, of: http === undefined ? "text" : "http" };
}
