/** One field line of an HTTP/1 head in, what is kept of it out; all others are passed over unread. */
import { TOKEN } from "../token.ts";

export interface HeadFields {
  isAmbiguous: boolean;
  authority: string | undefined;
  /** Media type in lower case, without parameters. */
  contentType: string | undefined;
  /** Accept names text/event-stream. */
  acceptsEvents: boolean;
  /** There is a field whose name begins with "mcp-". */
  hasMcpField: boolean;
  sessionId: string | undefined;
  protocolVersion: string | undefined;
  mcpMethod: string | undefined;
  mcpName: string | undefined;
  lastEventId: string | undefined;
  /** Upgrade names h2c: HTTP/2 in plain text. */
  upgradesToHttp2: boolean;
  /** Upgrade names tcp: the bytes of some process, as Docker has it. */
  upgradesToStream: boolean;
  /** What it upgrades to may carry MCP, and is not heard: SPDY, or a WebSocket of MCP or of a container's streams. */
  upgradesUnheard: boolean;
  /** Content-Length; "bad": no number, or two that differ. */
  length: number | "bad" | undefined;
  /** Transfer-Encoding; "other": it does not end in "chunked". */
  transfer: "chunked" | "other" | undefined;
  /** There is a field with a secret; its value is not read. */
  hasCredentials: boolean;
  /**
   * Codings of the content in the order in which they were applied, in lower case. Those that are none ("identity", and
   * "none", which some servers write lest a proxy compress) are left out.
   */
  codings: readonly string[];
  /** The same of the transfer, applied after these. */
  transferCodings: readonly string[];
}

/** More are not undone, whatever they are. */
const MAX_CODINGS = 8;
const NO_CODINGS: ReadonlySet<string> = new Set(["identity", "chunked", "none", "utf-8"]);
/** Field names by length, so that most lines are passed over by their length alone. */
const NAME_LENGTHS = new Set([4, 6, 7, 8, 9, 10, 12, 13, 14, 16, 17, 19, 20, 22]);
const COLON = 0x3a;

/** `text[from, to)` is a field line, with its folded lines where `isFolded`; its "\r" may be at its end. */
export function readField(
  text: string,
  from: number,
  to: number,
  isFolded: boolean,
  fields: HeadFields,
): void {
  let nameEnd = from;
  while (TOKEN[text.charCodeAt(nameEnd)] === 1) nameEnd++;
  let colon = nameEnd;
  if (text.charCodeAt(colon) !== COLON || colon === from) {
    fields.isAmbiguous = true;
    colon = colonBehind(text, nameEnd, to);
    if (colon < 0) return;
  }
  const isMcp = (text.charCodeAt(from) | 0x20) === 0x6d && text.charCodeAt(from + 3) === 0x2d;
  if (!isMcp && !NAME_LENGTHS.has(nameEnd - from)) return;
  const name = text.slice(from, nameEnd).toLowerCase();
  if (isMcp && name.startsWith("mcp-")) fields.hasMcpField = true;
  if (CREDENTIALS.has(name)) fields.hasCredentials = true;
  const reader = READERS.get(name);
  if (reader === undefined) return;
  const value = trim(text, colon + 1, to);
  reader(isFolded ? value.replace(/\r?\n[ \t]+/g, " ") : value, fields);
}

/** A field of HTTP/2: its name in lower case, its value whole. */
export function readNamedField(name: string, value: string, fields: HeadFields): void {
  if (name.startsWith("mcp-")) fields.hasMcpField = true;
  READERS.get(name)?.(trim(value, 0, value.length), fields);
}

/** Whether anything is made of fields of this name, which is in lower case; never of one with a secret. */
export function isKeptField(name: string): boolean {
  return READERS.has(name) || name.startsWith("mcp-");
}

/** RFC 9112, 5.1: of "Name : value" a server must refuse the space, others drop it. −1: something else is wrong. */
function colonBehind(text: string, nameEnd: number, to: number): number {
  const rest = text.slice(nameEnd, to);
  const colon = rest.indexOf(":");
  return colon >= 0 && /^[\0-\x20]*$/.test(rest.slice(0, colon)) ? nameEnd + colon : -1;
}

/** Without the white space that RFC 9110, 5.5, allows around it, and no other. */
export function trim(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  if (text.charCodeAt(end - 1) === 0x0d) end--;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

export function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

type FieldReader = (value: string, fields: HeadFields) => void;

/** The first one counts; two that differ are read as the one or the other. */
function once(
  key: "authority" | "sessionId" | "protocolVersion" | "mcpMethod" | "mcpName" | "lastEventId",
): FieldReader {
  return (value, fields) => {
    if (fields[key] !== undefined && fields[key] !== value) fields.isAmbiguous = true;
    fields[key] ??= value;
  };
}

const CREDENTIALS: ReadonlySet<string> = new Set([
  "authorization",
  "proxy-authorization",
  "cookie",
  "set-cookie",
  "x-api-key",
]);

/** None of `CREDENTIALS`: what is not here is never copied. */
const READERS: ReadonlyMap<string, FieldReader> = new Map<string, FieldReader>([
  ["host", once("authority")],
  ["accept", readAccept],
  ["content-type", readType],
  ["content-length", readLength],
  ["transfer-encoding", readTransfer],
  ["content-encoding", readCodings],
  ["mcp-session-id", once("sessionId")],
  ["mcp-protocol-version", once("protocolVersion")],
  ["mcp-method", once("mcpMethod")],
  ["mcp-name", once("mcpName")],
  ["last-event-id", once("lastEventId")],
  ["upgrade", readUpgrade],
  ["sec-websocket-protocol", readSubprotocol],
]);

function readAccept(value: string, fields: HeadFields): void {
  if (/text\/event-stream/i.test(value)) fields.acceptsEvents = true;
}

/** Source: RFC 7540, 3.2; Docker Engine API, ContainerAttach, Hijacking. */
function readUpgrade(value: string, fields: HeadFields): void {
  const names = value.toLowerCase().split(",").map(trimmed);
  if (names.includes("h2c")) fields.upgradesToHttp2 = true;
  if (names.includes("tcp")) fields.upgradesToStream = true;
  if (names.some((name) => name.startsWith("spdy/"))) fields.upgradesUnheard = true;
}

/** Kubernetes' exec and attach have "v5.channel.k8s.io". */
function readSubprotocol(value: string, fields: HeadFields): void {
  if (/(?:^|[,\s])(?:mcp|[\w.]*\.channel\.k8s\.io)(?:$|[,\s])/i.test(value))
    fields.upgradesUnheard = true;
}

function readType(value: string, fields: HeadFields): void {
  const end = value.indexOf(";");
  fields.contentType ??= (end < 0 ? value : value.slice(0, end)).trim().toLowerCase();
}

/** RFC 9110, 8.6: "5, 5" may be read as 5; RFC 9112, 6.3: two values that differ have no meaning. */
function readLength(value: string, fields: HeadFields): void {
  for (const part of value.split(",")) {
    const text = trimmed(part);
    const length = /^0*\d{1,16}$/.test(text) ? Number(text) : "bad";
    if (fields.length !== undefined || length === "bad") fields.isAmbiguous = true;
    const isNew = fields.length === undefined || fields.length === length;
    fields.length = isNew ? length : "bad";
  }
}

function readTransfer(value: string, fields: HeadFields): void {
  const list = value.toLowerCase().split(",");
  const names = list.map(trimmed).filter((part) => part !== "");
  const isChunked = names.at(-1) === "chunked" && names.indexOf("chunked") === names.length - 1;
  // a second field, or "chunked" that is not the last
  if (fields.transfer !== undefined || !isChunked) fields.isAmbiguous = true;
  fields.transfer = isChunked ? "chunked" : "other";
  if (names.length > 1) fields.transferCodings = join(fields.transferCodings, codingsOf(names));
}

function readCodings(value: string, fields: HeadFields): void {
  fields.codings = join(fields.codings, codingsOf(value.toLowerCase().split(",").map(trimmed)));
}

function codingsOf(names: readonly string[]): readonly string[] {
  return names.filter((name) => name !== "" && !NO_CODINGS.has(name));
}

function join(some: readonly string[], others: readonly string[]): readonly string[] {
  return [...some, ...others].slice(0, MAX_CODINGS);
}

function trimmed(text: string): string {
  return trim(text, 0, text.length);
}
