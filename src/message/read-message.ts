/** The members of a JSON object in, the JSON-RPC message that they are out. */
import type { Flag, Frame } from "../framing/types.ts";
import { endOfValue } from "../json-grammar.ts";
import type { Span } from "./body-span.ts";
import { canonicalId } from "./canonical-id.ts";
import type { Envelope } from "./envelope.ts";
import { findMethod, type KnownMethod } from "./methods.ts";
import type { Message, MessageType } from "./types.ts";
import { checkGuessed, type Found, findUnfit } from "./unfit-members.ts";
import { isMcpMethod, isMcpResult } from "./vocabulary.ts";

/** Where in the line the message stands. */
export interface Place {
  readonly frame: Frame;
  readonly raw: string;
  readonly bytes: number;
  readonly batch: Message["batch"];
  readonly jsonError?: string | undefined;
}

/**
 * Builds the message from an envelope that was read from `text`.
 * undefined: a body is no JSON, or all is JSON but no JSON-RPC message. Never throws.
 */
export function readMessage(text: string, envelope: Envelope, place: Place): Message | undefined {
  const type = readType(text, envelope);
  if (type === undefined) return undefined;
  const isVersion2 = isJsonRpc2(text, envelope);
  const method = readMethod(text, envelope);
  if (!isVersion2 && !isPlausible(text, envelope, type, method)) return undefined;
  const bodySpan = bodyOf(envelope, type);
  const body = readBody(text, envelope, bodySpan);
  if (body === NOT_JSON) return undefined;

  const { id, params, result, error } = envelope;
  const { frame, raw } = place;
  const canonical = id.start < 0 ? undefined : canonicalId(text.slice(id.start, id.end));
  const idText = canonical?.text;
  const isLineSafe = envelope.guessed ? checkGuessed(text, envelope) : envelope.isLineSafe;
  const unfit = findUnfit(text, envelope, raw, idText, method?.name);
  return {
    kind: "message",
    frame,
    type,
    idText,
    method: method?.name,
    paramsText: textOf(text, params),
    resultText: textOf(text, result),
    errorText: textOf(text, error),
    body,
    bytes: place.bytes,
    raw,
    jsonError: place.jsonError,
    batch: place.batch,
    mcp: readMcp(type, method, body),
    senderRoles: method?.known?.senderRoles,
    knownMethod: method?.known !== undefined,
    flags: readFlags(place, envelope, isVersion2, canonical?.valid !== false, unfit),
    unfit: unfit?.members,
    isLineSafe,
  };
}

/** A body, which the envelope has only measured, is broken. */
const NOT_JSON = Symbol("not JSON");

interface Method {
  readonly name: string;
  readonly known: KnownMethod | undefined;
}

/** undefined: no message. Where both result and error stand, a null error does not count. */
function readType(text: string, envelope: Envelope): MessageType | undefined {
  const { id, method, result, error } = envelope;
  if (method.start >= 0) {
    if (text.charCodeAt(method.start) !== 0x22) return undefined;
    return id.start >= 0 ? "request" : "notification";
  }
  if (error.start >= 0 && (result.start < 0 || textOf(text, error) !== "null")) return "error";
  return result.start >= 0 || id.start >= 0 ? "response" : undefined;
}

function readMethod(text: string, envelope: Envelope): Method | undefined {
  const { start, end } = envelope.method;
  if (start < 0) return undefined;
  const known = findMethod(text.slice(start + 1, end - 1));
  if (known !== undefined) return { name: known.name, known };
  const name: unknown = JSON.parse(text.slice(start, end));
  return typeof name === "string" ? { name, known: findMethod(name) } : undefined;
}

function isJsonRpc2(text: string, envelope: Envelope): boolean {
  const { start, end } = envelope.jsonrpc;
  if (start < 0) return false;
  if (text.startsWith('"2.0"', start)) return true;
  // With every character escaped it takes 20; longer text is not worth parsing.
  return end - start <= 20 && JSON.parse(text.slice(start, end)) === "2.0";
}

/** Whether text without "jsonrpc": "2.0" is a message all the same: only then is it more than some JSON log, or a line of
 * this tool's own output on its way from jq to the next program. */
function isPlausible(
  text: string,
  envelope: Envelope,
  type: MessageType,
  method: Method | undefined,
): boolean {
  const { id, result, error, others } = envelope;
  if (others > 0) return false;
  if (type === "request" || type === "notification") return method?.known !== undefined;
  if (id.start < 0) return false;
  return type === "error" ? text.charCodeAt(error.start) === 0x7b : result.start >= 0;
}

/** An answer has an id (an error may lack it) and one of result and error. */
function isMalformedAnswer({ method, id, result, error }: Envelope): boolean {
  if (method.start >= 0) return false;
  if (result.start >= 0) return error.start >= 0 || id.start < 0;
  return error.start < 0;
}

function readMcp(type: MessageType, method: Method | undefined, body: unknown): Message["mcp"] {
  if (method !== undefined) return isMcpMethod(method.known, method.name, body);
  return type === "response" ? isMcpResult(body) : undefined;
}

function bodyOf(envelope: Envelope, type: MessageType): Span {
  if (type === "response") return envelope.result;
  return type === "error" ? envelope.error : envelope.params;
}

/**
 * The parsed value; undefined where there is none, or where it is too deep or too heavy to be one.
 * Members that have no place in such a message are validated, as their text is given out.
 */
function readBody(text: string, { params, result, error }: Envelope, body: Span): unknown {
  if (body !== params && !isValid(text, params)) return NOT_JSON;
  if (body !== result && !isValid(text, result)) return NOT_JSON;
  if (body !== error && !isValid(text, error)) return NOT_JSON;
  if (body.start < 0) return undefined;
  if (body.deep || body.heavy) return isValid(text, body) ? undefined : NOT_JSON;
  const short = body.shortened(text);
  if (short === undefined) return NOT_JSON;
  try {
    return JSON.parse(short);
  } catch {
    return NOT_JSON;
  }
}

function isValid(text: string, span: Span): boolean {
  return span.start < 0 || span.proven || endOfValue(text, span.start) === span.end;
}

function textOf(text: string, span: Span): string | undefined {
  return span.start < 0 ? undefined : text.slice(span.start, span.end);
}

function readFlags(
  { frame: { flags: ofFrame }, jsonError }: Place,
  envelope: Envelope,
  isVersion2: boolean,
  isValidId: boolean,
  unfit: Found | undefined,
): readonly Flag[] {
  const isMalformed = isMalformedAnswer(envelope);
  const isRegular = isVersion2 && isValidId && !isMalformed && !envelope.duplicate;
  if (isRegular && unfit === undefined && jsonError === undefined) return ofFrame;
  const flags: Flag[] = [...ofFrame];
  if (jsonError !== undefined) flags.push("invalid_json");
  if (envelope.duplicate) flags.push("duplicate_key");
  if (!isVersion2) flags.push("not_jsonrpc_2");
  if (isMalformed) flags.push("malformed_response");
  if (!isValidId) flags.push("invalid_id");
  return unfit === undefined ? flags : [...flags, ...unfit.flags];
}
