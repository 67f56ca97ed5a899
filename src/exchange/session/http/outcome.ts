/** What the end of an HTTP exchange says: a line about it, and which calls will have no answer. */
import type { HttpEnd, HttpExchange } from "../../../framing/types.ts";
import type { ExchangeItem, HttpLine } from "../../types.ts";
import { unansweredCall } from "../delivery.ts";
import type { SessionState } from "../session-state.ts";
import { isAccepted, isRefused } from "./status.ts";

/** Its heads carry what only MCP's do. */
export function isMcpExchange({ request, response }: HttpExchange): boolean {
  const fields = request?.fields;
  if (response?.fields.sessionId !== undefined) return true;
  if (fields === undefined) return false;
  return (
    fields.sessionId !== undefined ||
    fields.protocolVersion !== undefined ||
    fields.mcpMethod !== undefined
  );
}

export function httpLine(end: HttpEnd, state: SessionState | undefined): HttpLine {
  const { exchange, outcome, flags, timeNs } = end;
  // of a session that was not told of itself, nobody knows
  const session = state?.started === true ? state.session : undefined;
  return { kind: "http", exchange, session, outcome, flags, timeNs };
}

/** Calls of the exchange whose answer cannot come any more; another stream may bring it where the client can resume. */
export function giveUpCalls(state: SessionState, end: HttpEnd, out: ExchangeItem[]): void {
  const { exchange, outcome, timeNs } = end;
  if (isAccepted(exchange, state)) return;
  if (!isRefused(exchange) && state.session.httpSessionId !== undefined) return;
  const { calls } = state.first;
  for (let call = calls.firstAt(exchange); call !== undefined; call = calls.firstAt(exchange)) {
    // a modern client cancels by closing the stream
    if (outcome === "cut" && state.session.era === "modern") calls.cancel(call);
    out.push(unansweredCall(state.first, calls.remove(call), timeNs));
  }
}
