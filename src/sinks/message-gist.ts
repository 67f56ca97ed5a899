/** A message in, what it says in a few words out, for the console. */
import type { MessageLine } from "../exchange/types.ts";
import type { Message } from "../message/types.ts";
import { preview } from "./preview.ts";
import { plural } from "./quantity.ts";
import type { Redactor } from "./redact.ts";

/** Results that are lists: their size says more than their beginning. */
const LISTS = ["tools", "prompts", "resources", "resourceTemplates", "roots", "tasks"] as const;
const SINGULAR: Readonly<Record<(typeof LISTS)[number], string>> = {
  tools: "tool",
  prompts: "prompt",
  resources: "resource",
  resourceTemplates: "resource template",
  roots: "root",
  tasks: "task",
};

/** Of an error that a tool tells in many texts. */
const MAX_ERROR_PARTS = 16;

/** An error of JSON-RPC, or a tool's own (`isError` in the result). */
export function isFailure(line: MessageLine): boolean {
  const { message } = line;
  return message.type === "error" || fieldOf(message.body, "isError") === true;
}

/** A server's log that tells of an error, a call that somebody gave up. */
export function isAlarm({ message }: MessageLine): boolean {
  if (message.type !== "notification") return false;
  if (message.method === "notifications/cancelled") return true;
  if (message.method !== "notifications/message") return false;
  return ALARMS.has(fieldOf(message.body, "level"));
}

/** Levels of RFC 5424, by which MCP names those of its logs. */
const ALARMS: ReadonlySet<unknown> = new Set(["error", "critical", "alert", "emergency"]);

/**
 * Of a call its arguments, of an answer its text, list size or error, of anything else its params.
 * At most about `limit` characters, not yet printable. Secrets are masked when a redactor is given.
 */
export function gistOf(line: MessageLine, limit: number, redactor: Redactor | undefined): string {
  const { message } = line;
  const body = redactor === undefined ? message.body : maskedBody(line, redactor);
  if (body === undefined) return "";
  switch (message.type) {
    case "error":
      return errorGist(body, limit);
    case "response":
      return resultGist(body, limit);
    case "request": {
      const given = fieldOf(body, "arguments");
      return preview(given === undefined ? body : given, limit);
    }
    case "notification":
      return notificationGist(message.method, body, limit);
  }
}

/** The id text of the call that a notification gives up. */
export function cancelledId({ method, body }: Message): string | undefined {
  if (method !== "notifications/cancelled") return undefined;
  const id = fieldOf(body, "requestId");
  return typeof id === "string" || typeof id === "number" ? JSON.stringify(id) : undefined;
}

/** "57/100"; undefined where it says no number. */
export function progressOf(body: unknown): string | undefined {
  const done = fieldOf(body, "progress");
  if (typeof done !== "number") return undefined;
  const total = fieldOf(body, "total");
  return typeof total === "number" ? `${done}/${total}` : String(done);
}

/** What a person wants to know of the usual ones: "reading", "error db: \"no connection\"". */
function notificationGist(method: string | undefined, body: unknown, limit: number): string {
  switch (method) {
    case "notifications/progress":
      return progressOf(body) === undefined ? preview(body, limit) : textOf(body, "message", limit);
    case "notifications/message": {
      const level = textOf(body, "level", limit);
      if (level === "") return preview(body, limit);
      const logger = textOf(body, "logger", limit);
      const of = logger === "" ? "" : ` ${logger}`;
      return `${level}${of}: ${preview(fieldOf(body, "data"), limit)}`;
    }
    case "notifications/cancelled":
      return textOf(body, "reason", limit) || preview(body, limit);
    default:
      return preview(body, limit);
  }
}

/** "" where that is no text. */
function textOf(value: unknown, key: string, limit: number): string {
  const text = fieldOf(value, key);
  return typeof text === "string" ? text.slice(0, limit) : "";
}

function errorGist(error: unknown, limit: number): string {
  const code = fieldOf(error, "code");
  const text = fieldOf(error, "message");
  if (typeof text !== "string") return preview(error, limit);
  return `${typeof code === "number" ? `${code} ` : ""}${text.slice(0, limit)}`;
}

function resultGist(result: unknown, limit: number): string {
  for (const name of LISTS) {
    const list = fieldOf(result, name);
    if (Array.isArray(list)) return plural(list.length, SINGULAR[name]);
  }
  const content = fieldOf(result, "content");
  if (!Array.isArray(content)) return preview(result, limit);
  // what went wrong is said wholly, or as far as anybody reads
  const told =
    fieldOf(result, "isError") === true ? content.slice(0, MAX_ERROR_PARTS) : [content[0]];
  const texts = told
    .map((part) => fieldOf(part, "text"))
    .filter((text) => typeof text === "string");
  if (texts.length === 0) return preview(result, limit);
  return texts.map((text) => preview(text, limit)).join(" ");
}

/** The body again, from its masked text. */
function maskedBody(line: MessageLine, redactor: Redactor): unknown {
  const { message } = line;
  const text = bodyText(message);
  // What was too deep to parse is not shown either.
  if (text === undefined || message.body === undefined) return undefined;
  const value: unknown = JSON.parse(redactor.json(text));
  return value;
}

/** The text of what `body` is the value of. */
function bodyText({ type, paramsText, resultText, errorText }: Message): string | undefined {
  if (type === "error") return errorText;
  return type === "response" ? resultText : paramsText;
}

function fieldOf(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  const field: unknown = Reflect.get(value, key);
  return field;
}
