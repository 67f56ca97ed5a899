/** What a message says about which of its two ends is the client. */
import type { Message } from "../../message/types.ts";
import { asObject, type JsonObject, metaOf } from "../json.ts";
import { CLIENT_INFO, SERVER_INFO } from "../meta-keys.ts";

/**
 * How sure a role is: 0 not at all, 1 guessed from an answer or a notification, 2 guessed from
 * the first request, 3 its method is sent by one role only, 4 stated by the handshake.
 */
export type Certainty = 0 | 1 | 2 | 3 | 4;

export const GUESSED_FROM_REQUEST: Certainty = 2;
export const INFERRED: Certainty = 3;
export const STATED: Certainty = 4;

/** How sure it is that the sender is the client: positive client, negative server, size as Certainty. */
export function senderRole(message: Message): number {
  if (message.method === undefined) return statesServer(message.body) ? -STATED : -1;
  if (statesClient(message)) return STATED;
  if (message.senderRoles === "client") return INFERRED;
  if (message.senderRoles === "server") return -INFERRED;
  if (message.type === "request") return GUESSED_FROM_REQUEST;
  // both may cancel; in practice the caller does, and callers are clients
  return message.method === "notifications/cancelled" ? 1 : -1;
}

/** The handshake of either era, or the identity that modern requests carry. */
export function statesClient(message: Message): boolean {
  if (message.type === "request" && opensSession(message)) return true;
  const meta = metaOf(message.body);
  return meta !== undefined && meta[CLIENT_INFO] !== undefined;
}

/** The first request of a session, where a session has one. */
export function opensSession(message: Message): boolean {
  return message.method === "initialize" || message.method === "server/discover";
}

/** An answer that only a server gives: to `initialize`, or signed with its identity. */
function statesServer(body: unknown): boolean {
  const result = asObject(body);
  if (result === undefined) return false;
  if (isInitializeResult(result)) return true;
  const meta = metaOf(result);
  return meta !== undefined && meta[SERVER_INFO] !== undefined;
}

export function isInitializeResult(result: JsonObject): boolean {
  return typeof result.protocolVersion === "string" && asObject(result.serverInfo) !== undefined;
}
