/** Heads in, the requests and answers that others see out: short, independent of the wire text. */
import type { HttpFields, HttpRequest, HttpResponse } from "../types.ts";
import { isKnownCoding } from "./content-coding.ts";
import type { Endpoints } from "./endpoints.ts";
import type { ExchangeState, Interest, Upgrade } from "./exchange-state.ts";
import type { Head } from "./head.ts";
import type { HeadFields } from "./head-fields.ts";
import { placeOf } from "./target.ts";

const MAX_TARGET = 1024;
const MAX_VALUE = 256;
/** What tells one from another, or is compared, is kept whole. */
const MAX_ID = 8 * 1024;
/** Of a longer message nothing is remembered for the next. */
const MAX_REMEMBERED = 2 * 1024;

/** An exchange, and a request without its texts, take about so much. */
const STATE_BYTES = 512;
const REQUEST_BYTES = 1024;

const NO_FIELDS: HttpFields = {
  contentType: undefined,
  sessionId: undefined,
  protocolVersion: undefined,
  mcpMethod: undefined,
  mcpName: undefined,
  lastEventId: undefined,
};

/**
 * Remembers the last message of its direction: the same head gives the same object, and another one has most texts in
 * common with it, which are then not copied.
 */
export class Messages {
  #fields: HttpFields = NO_FIELDS;
  #head: Head | undefined;
  #request: HttpRequest | undefined;
  #response: HttpResponse | undefined;
  #method: string | undefined;
  #target: string | undefined;
  #authority: string | undefined;

  request(head: Head): HttpRequest {
    if (this.#head === head && this.#request !== undefined) return this.#request;
    const method = own(head.method, this.#method, MAX_VALUE) ?? "";
    const place = placeOf(head.target, head.authority);
    const target = own(place.target, this.#target, MAX_TARGET) ?? "";
    const authority = own(place.authority, this.#authority, MAX_VALUE);
    this.#method = method;
    this.#target = target;
    this.#authority = authority;
    const version = versionOf(head);
    const request = this.#same({ method, target, authority, version, fields: this.#own(head) });
    this.#head = head;
    this.#request = request;
    this.#limit(request.fields);
    return request;
  }

  response(head: Head): HttpResponse {
    if (this.#head === head && this.#response !== undefined) return this.#response;
    const version = versionOf(head);
    const response = { status: head.status, version, fields: this.#own(head) };
    this.#head = head;
    this.#response = response;
    this.#limit(response.fields);
    return response;
  }

  /** The request before, where this one says the same in other bytes. */
  #same(request: HttpRequest): HttpRequest {
    const before = this.#request;
    const isSame =
      before?.method === request.method &&
      before.target === request.target &&
      before.authority === request.authority &&
      before.version === request.version &&
      before.fields === request.fields;
    return isSame ? before : request;
  }

  #limit(fields: HttpFields): void {
    if (charsOf(fields) <= MAX_REMEMBERED) return;
    this.#fields = NO_FIELDS;
    this.#head = undefined;
    this.#request = undefined;
    this.#response = undefined;
  }

  #own(head: HeadFields): HttpFields {
    const before = this.#fields;
    if (isSame(before, head)) return before;
    this.#fields = {
      contentType: own(head.contentType, before.contentType, MAX_VALUE),
      sessionId: ownId(head.sessionId, before.sessionId),
      protocolVersion: own(head.protocolVersion, before.protocolVersion, MAX_VALUE),
      mcpMethod: own(head.mcpMethod, before.mcpMethod, MAX_VALUE),
      mcpName: own(head.mcpName, before.mcpName, MAX_ID),
      lastEventId: own(head.lastEventId, before.lastEventId, MAX_VALUE),
    };
    return this.#fields;
  }
}

/** Memory that an exchange with this request takes; what it shares with the one before is not counted twice. */
export function sizeOf(request: HttpRequest, before: HttpRequest | undefined): number {
  if (request === before) return STATE_BYTES;
  const { authority, target, fields } = request;
  return STATE_BYTES + REQUEST_BYTES + target.length + (authority?.length ?? 0) + charsOf(fields);
}

function versionOf({ version }: Head): string {
  return version === "1.0" || version === "2" ? version : "1.1";
}

function charsOf(fields: HttpFields): number {
  const { contentType, sessionId, protocolVersion, mcpMethod, mcpName, lastEventId } = fields;
  let chars = 0;
  for (const text of [contentType, sessionId, protocolVersion, mcpMethod, mcpName, lastEventId]) {
    chars += text?.length ?? 0;
  }
  return chars;
}

/** What a request's head says of MCP. Source: MCP 2025-11-25 and 2026-07-28, basic/transports. */
export function interestOf(head: Head, request: HttpRequest, endpoints: Endpoints): Interest {
  if (head.hasMcpField || endpoints.has(request)) return "mcp";
  const { contentType, acceptsEvents, method } = head;
  if (method === "GET") return acceptsEvents ? "likely" : "none";
  if (method !== "POST") return "none";
  if (contentType === "application/json") return acceptsEvents ? "likely" : "guess";
  // "text/plain; application/json" passes for JSON with MCP's TypeScript server, and for plain text with a browser
  return contentType === undefined || acceptsEvents ? "guess" : "none";
}

/** What may be in a body behind this head: JSON, events, or nothing that is looked for. */
export function contentOf(
  { interest }: ExchangeState,
  { contentType, status }: Head,
): "json" | "events" | undefined {
  if (interest === "none") return undefined;
  // clients of MCP look for it anywhere in the value
  if (contentType?.includes("text/event-stream") === true) return "events";
  if (status === 0) return "json";
  // an error of an MCP server may have any type: its first byte tells
  if (interest === "mcp" || contentType === undefined || contentType.includes("json"))
    return "json";
  return undefined;
}

/** Codings of the body in the order in which they were applied. With one that is not known, clients take it as it is. */
export function codingsOf({ codings, transferCodings }: Head, state: ExchangeState) {
  const all = transferCodings.length === 0 ? codings : [...codings, ...transferCodings];
  if (all.every(isKnownCoding)) return all;
  state.isAmbiguous = true;
  return [];
}

/**
 * Beside what its lines show: a length that a transfer coding overrules, a coding in HTTP/1.0, which has none, a body where
 * there can be none, a
 * target that names another host than Host does, a user in Host. Source: RFC 9112, 3.2.2, 6.1 to 6.3.
 */
export function isAmbiguous(head: Head): boolean {
  const { length, transfer, status, authority } = head;
  if (head.isAmbiguous) return true;
  if (transfer !== undefined && (length !== undefined || head.version === "1.0")) return true;
  if (status === 204) return transfer !== undefined || (length !== undefined && length !== 0);
  return authority !== undefined && placeOf(head.target, authority).authority !== authority;
}

/** A copy that does not keep the head in memory; the text before, where it is the same. */
function own(
  text: string | undefined,
  before: string | undefined,
  maxChars: number,
): string | undefined {
  if (text === undefined) return undefined;
  if (text === before) return before;
  if (text.length <= maxChars) return copyLatin1(text);
  return `${copyLatin1(text.slice(0, maxChars - 1))}…`;
}

/** Text of a head is Latin-1: half of what `copyText` takes. */
function copyLatin1(text: string): string {
  return Buffer.from(text, "latin1").toString("latin1");
}

/** A longer one stays different from all others. */
function ownId(text: string | undefined, before: string | undefined): string | undefined {
  if (text === undefined || text.length <= MAX_ID) return own(text, before, MAX_ID);
  const hash = new Bun.CryptoHasher("sha256").update(text).digest("hex");
  return `${copyLatin1(text.slice(0, MAX_VALUE))}… (${text.length} characters, SHA-256 ${hash})`;
}

function isSame(before: HttpFields, head: HeadFields): boolean {
  return (
    before.contentType === head.contentType &&
    before.sessionId === head.sessionId &&
    before.protocolVersion === head.protocolVersion &&
    before.mcpMethod === head.mcpMethod &&
    before.mcpName === head.mcpName &&
    before.lastEventId === head.lastEventId
  );
}

/** What is spoken behind an answer's head instead of HTTP/1, where that is heard. */
export function upgradeOf({
  status,
  upgradesToHttp2,
  upgradesToStream,
}: Head): Upgrade["to"] | undefined {
  if (status !== 101) return undefined;
  if (upgradesToHttp2) return "http2";
  return upgradesToStream ? "stream" : undefined;
}
