/** One line of text through the message stage, with a frame around it as the framing room makes it. */
import { Outline } from "../../../ffi/outline.ts";
import type { Frame } from "../../../src/framing/types.ts";
import { MessageStage } from "../../../src/message/message-stage.ts";
import type { Message, MessageItem } from "../../../src/message/types.ts";
import { makeChannel, makeProcess } from "../framing/items.ts";

const channel = makeChannel("pipe:1");
const reader = makeProcess(7);

export function makeFrame(text: string): Frame {
  return {
    kind: "frame",
    channel,
    text,
    bytes: Buffer.byteLength(text) + 1,
    endPosition: Buffer.byteLength(text) + 1,
    timeNs: 1,
    reader,
    sender: undefined,
    sentNs: undefined,
    flags: [],
  };
}

export function readLine(text: string): readonly MessageItem[] {
  return new MessageStage(new Outline()).push(makeFrame(text));
}

export function readMessages(text: string): readonly Message[] {
  return readLine(text).flatMap((item) => (item.kind === "message" ? [item] : []));
}

/** The only message of the line; fails when there is none or more than one. */
export function readOne(text: string): Message {
  const [message, ...others] = readMessages(text);
  if (message === undefined || others.length > 0) throw new Error(`not one message: ${text}`);
  return message;
}
