/** The text of one HTTP/1 head in, what framing and MCP need of it out. */
import { TOKEN } from "../token.ts";
import { type HeadFields, isBlank, readField, trim } from "./head-fields.ts";

const MAX_FIELDS = 256;
const MAX_START_LINE = 8 * 1024;
const CR = 0x0d;

/** `isAmbiguous`: two parsers may read it differently (see `Flag`). */
export interface Head extends HeadFields {
  /** "": it is an answer. */
  method: string;
  target: string;
  /** 0: it is a request. */
  status: number;
  /** "1.1" */
  version: string;
}

const VERSION = /^HTTP\/(1\.\d)$/;
const STATUS_LINE = /^HTTP\/(1\.\d) (\d{3})(?: .*)?$/;
/** Control characters, or a "\r" that ends no line. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNSAFE = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)/;

/**
 * `text` is latin1, from the start line to the empty line. undefined: the start line is none; "too_long": more than 256
 * fields. Values of other fields than those of `HeadFields` are not looked at: no credential is ever copied.
 * Source: RFC 9112, 2 to 6.
 */
export function parseHead(text: string): Head | "too_long" | undefined {
  const head = makeHead();
  const lineEnd = endOfLine(text, 0, head);
  if (lineEnd > MAX_START_LINE || !readStartLine(withoutCr(text, 0, lineEnd), head))
    return undefined;
  if (UNSAFE.test(text)) head.isAmbiguous = true;
  let at = lineEnd + 1;
  for (let count = 0; at < text.length; count++) {
    if (count > MAX_FIELDS) return "too_long";
    at = readLines(text, at, head) + 1;
  }
  return head;
}

/** The start of a head in: its start line is one ("request", "response"), is none, or is not yet whole ("open"). */
export function readStart(text: string): "request" | "response" | "none" | "open" {
  const lineEnd = text.indexOf("\n");
  if (lineEnd < 0) return text.length > MAX_START_LINE ? "none" : "open";
  const head = parseHead(text.slice(0, lineEnd + 1));
  if (head === undefined || head === "too_long") return "none";
  return head.status === 0 ? "request" : "response";
}

/** Reads the field at `at`, with the lines that go on with it; returns the index of its last "\n". */
function readLines(text: string, at: number, fields: HeadFields): number {
  const firstEnd = endOfLine(text, at, fields);
  const code = text.charCodeAt(at);
  // the empty line
  if (firstEnd === at || (code === CR && firstEnd === at + 1)) return text.length;
  let end = firstEnd;
  // RFC 9112, 5.2: a line that begins with white space goes on with the one before
  while (isBlank(text.charCodeAt(end + 1))) end = endOfLine(text, end + 1, fields);
  if (isBlank(code) || end !== firstEnd) fields.isAmbiguous = true;
  if (!isBlank(code)) readField(text, at, end, end !== firstEnd, fields);
  return end;
}

/** Index of the "\n" that ends the line at `at`; one without "\r" is ambiguous. */
function endOfLine(text: string, at: number, fields: HeadFields): number {
  const newline = text.indexOf("\n", at);
  const end = newline < 0 ? text.length : newline;
  if (text.charCodeAt(end - 1) !== CR) fields.isAmbiguous = true;
  return end;
}

const NO_CODINGS: readonly string[] = [];

/** With nothing known. */
export function makeHead(): Head {
  return {
    method: "",
    target: "",
    status: 0,
    version: "1.1",
    isAmbiguous: false,
    authority: undefined,
    contentType: undefined,
    acceptsEvents: false,
    hasMcpField: false,
    sessionId: undefined,
    protocolVersion: undefined,
    mcpMethod: undefined,
    mcpName: undefined,
    lastEventId: undefined,
    upgradesToHttp2: false,
    upgradesToStream: false,
    upgradesUnheard: false,
    length: undefined,
    transfer: undefined,
    hasCredentials: false,
    codings: NO_CODINGS,
    transferCodings: NO_CODINGS,
  };
}

function withoutCr(text: string, from: number, to: number): string {
  return text.slice(from, text.charCodeAt(to - 1) === CR ? to - 1 : to);
}

/** False: it is none. */
function readStartLine(line: string, head: Head): boolean {
  if (line.startsWith("HTTP/")) {
    const status = STATUS_LINE.exec(line);
    if (status === null) return false;
    head.version = status[1] ?? "";
    head.status = Number(status[2]);
    return true;
  }
  const [, method = "", target = "", version = ""] = splitRequestLine(line, head) ?? [];
  if (!isToken(method)) return false;
  head.method = method;
  head.target = target;
  head.version = version;
  return true;
}

/** Method, target and version at 1 to 3. */
function splitRequestLine(line: string, head: Head): readonly string[] | undefined {
  // one space between three words, nearly always: no regular expression then
  const first = line.indexOf(" ");
  const last = line.length - 9;
  const isUsual = first > 0 && last > first && line.indexOf(" ", first + 1) === last;
  if (isUsual && line.startsWith(" HTTP/1.", last) && isDigit(line.charCodeAt(last + 8))) {
    return ["", line.slice(0, first), line.slice(first + 1, last), line.slice(last + 6)];
  }
  head.isAmbiguous = true;
  return splitAtBlanks(line);
}

/** A target may hold blanks, and there may be more of them than needed. In linear time, which a regular expression's is not. */
function splitAtBlanks(text: string): readonly string[] | undefined {
  const line = trim(text, 0, text.length);
  const versionAt = Math.max(line.lastIndexOf(" "), line.lastIndexOf("\t")) + 1;
  const version = VERSION.exec(line.slice(versionAt))?.[1];
  let methodEnd = 0;
  while (methodEnd < line.length && !isBlank(line.charCodeAt(methodEnd))) methodEnd++;
  if (version === undefined || methodEnd === 0 || isBlank(text.charCodeAt(0))) return undefined;
  // one blank between the method and the version: there is no target
  if (versionAt - methodEnd < 2) return undefined;
  return ["", line.slice(0, methodEnd), trim(line, methodEnd, versionAt), version];
}

function isToken(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (TOKEN[text.charCodeAt(at)] !== 1) return false;
  return text !== "";
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}
