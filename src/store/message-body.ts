/** A message in, the JSON text that is stored of it out: as it was sent, or, where that is too long, cut. */
import type { Message } from "../message/types.ts";
import { cutJson } from "./cut-json.ts";
import { wholeText } from "./plain-text.ts";

export interface Body {
  readonly text: string;
  readonly isCut: boolean;
}

/** Longer ids are not kept of a message that is cut. */
const MAX_ID_CHARS = 256;
/** A character takes so many bytes of UTF-8 at most. */
const MAX_UNIT_BYTES = 3;

/**
 * `maxBytes`: of UTF-8. `margin`: so much more of one that is cut, for whoever masks secrets in it and cuts it again
 * (cutBody): one that stands at the limit is to be seen whole.
 */
export function bodyOf(message: Message, maxBytes: number, margin = 0): Body {
  const { raw } = message;
  const fits = raw.length * MAX_UNIT_BYTES <= maxBytes || isShort(raw, maxBytes);
  if (!fits && isShort(raw, maxBytes + margin)) return { text: wholeText(raw), isCut: true };
  return fits
    ? { text: wholeText(raw), isCut: false }
    : { text: cut(message, maxBytes + margin), isCut: true };
}

function isShort(text: string, maxBytes: number): boolean {
  return text.length <= maxBytes && Buffer.byteLength(text) <= maxBytes;
}

/** Put together from what was parsed already: its time goes by `maxBytes`, not by the message. */
function cut(message: Message, maxBytes: number): string {
  const { idText, method, body } = message;
  let json = '{"jsonrpc":"2.0"';
  if (idText !== undefined && idText.length <= MAX_ID_CHARS) json += `,"id":${wholeText(idText)}`;
  if (method !== undefined) json += `,"method":${cutJson(method, 1024)}`;
  json += `,"${memberOf(message)}":`;
  const room = Math.max(2, maxBytes - Buffer.byteLength(json) - 1);
  return `${json}${cutJson(body === undefined ? {} : body, room)}}`;
}

function memberOf({ type }: Message): string {
  if (type === "error") return "error";
  return type === "response" ? "result" : "params";
}

/** Of a text that was cut with a margin. */
export function cutBody(text: string, maxBytes: number): string {
  if (isShort(text, maxBytes)) return text;
  const parsed: unknown = JSON.parse(text);
  return cutJson(parsed, maxBytes);
}
