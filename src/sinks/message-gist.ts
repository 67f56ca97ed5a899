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

/** An error of JSON-RPC, or a tool's own (`isError` in the result). */
export function isFailure(line: MessageLine): boolean {
  const { message } = line;
  return message.type === "error" || fieldOf(message.body, "isError") === true;
}

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
    case "request":
    case "notification": {
      const given = fieldOf(body, "arguments");
      return preview(given === undefined ? body : given, limit);
    }
  }
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
  const text = Array.isArray(content) ? fieldOf(content[0], "text") : undefined;
  return preview(typeof text === "string" ? text : result, limit);
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
