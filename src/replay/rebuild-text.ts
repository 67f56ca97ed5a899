/** A recorded message line without `raw` in, a JSON-RPC message of the same content out. */
import { isJson } from "../json-grammar.ts";
import { type Fields, own, textField } from "./fields.ts";

const MEMBERS = ["id", "method", "params", "result", "error"] as const;

/**
 * The text as a plain writer would have written it: numbers beyond 2^53, duplicate keys and spaces are
 * not in the recording without `raw`. Members that were given out as text are what they were. undefined: the line has nothing
 * that makes a message.
 */
export function rebuildText(line: Fields): string | undefined {
  const type = textField(line, "type");
  let message = '{"jsonrpc":"2.0"';
  let hasBody = type === "response" || type === "error";
  for (const member of MEMBERS) {
    const text = memberText(line, member);
    if (text === undefined) continue;
    message += `,"${member}":${text}`;
    hasBody ||= member === "method" || member === "result" || member === "error";
  }
  return hasBody ? `${message}}` : undefined;
}

/** JSON text of a recorded member: of `params_text`, where that says what `params` could not, or else of `params`. */
export function memberText(line: Fields | undefined, member: string): string | undefined {
  const text = textField(line, `${member}_text`);
  if (text !== undefined && isJson(text)) return text;
  return JSON.stringify(own(line, member));
}
