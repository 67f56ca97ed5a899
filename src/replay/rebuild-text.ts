/** A recorded message line without `raw` in, a JSON-RPC message of the same content out. */
import { type Fields, own, textField } from "./fields.ts";

const MEMBERS = ["id", "method", "params", "result", "error"] as const;

/**
 * The text as a plain writer would have written it: numbers beyond 2^53, duplicate keys and spaces are
 * not in the recording without `raw`. undefined: the line has nothing that makes a message.
 */
export function rebuildText(line: Fields): string | undefined {
  const type = textField(line, "type");
  const message: Record<string, unknown> = { jsonrpc: "2.0" };
  for (const member of MEMBERS) {
    if (Object.hasOwn(line, member)) message[member] = own(line, member);
  }
  const hasBody = "method" in message || "result" in message || "error" in message;
  const isAnswer = type === "response" || type === "error";
  return hasBody || isAnswer ? JSON.stringify(message) : undefined;
}
