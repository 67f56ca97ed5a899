/** Compares what a request's headers say with what its body says. Source: MCP 2026-07-28, transports#standard-headers. */
import type { Message } from "../../../message/types.ts";
import { capText } from "../../../text.ts";

/** A very long one is cut. */
const ENCODED = /^=\?base64\?([A-Za-z0-9+/]*={0,2})(?:\?=|…)$/;

/** True when Mcp-Method or Mcp-Name name something else than the body. `target`: the body's tool, prompt or resource. */
export function isHeaderMismatch(message: Message, target: string | undefined): boolean {
  const place = message.frame.http;
  if (place === undefined || place.side !== "request" || message.batch !== undefined) return false;
  const fields = place.exchange.request?.fields;
  if (fields === undefined || message.method === undefined) return false;
  if (fields.mcpMethod !== undefined && fields.mcpMethod !== message.method) return true;
  return fields.mcpName !== undefined && capText(decoded(fields.mcpName)) !== target;
}

function decoded(value: string): string {
  const base64 = ENCODED.exec(value)?.[1];
  return base64 === undefined ? value : Buffer.from(base64, "base64").toString("utf8");
}
